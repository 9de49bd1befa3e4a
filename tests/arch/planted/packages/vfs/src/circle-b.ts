// Planted: a cycle.
import { a } from './circle-a.js';

export const b = (): number => a();
