// Planted: row files must not import each other.
import { two } from './two.js';

export const one = two;
