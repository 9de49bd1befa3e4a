/** The program break (brk(2)). */
export class ProgramBreak {
  /** Fixed by the loader: first address after the data of the executable, page-aligned. */
  start = 0;
  end = 0;

  copyFrom(other: ProgramBreak): void {
    this.start = other.start;
    this.end = other.end;
  }
}
