/** The command: core 0 starts to boot before the rest of the program is loaded. */
import './early.js';

export { main } from './main.js';
