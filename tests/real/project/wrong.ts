// Deliberate mistakes for the linter and the type checker.
var unused = 1;
export const text: number = 'not a number';
if (text == 2) {
  debugger;
}
