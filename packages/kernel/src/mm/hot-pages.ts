/**
 * Pages that processes write soon after a fork: stack, thread data, data of libraries. The next fork copies them at
 * once, so that neither side has to fault for them. Parent and children learn together, until they run other programs.
 */

/** A copy that was not needed costs half a microsecond, a fault three. */
const MAX_PAGES = 8;
/** So many copied pages after a fork come soon. */
const SOON_FAULTS = 8;

export class HotPages {
  pages: number[] = [];
  private _left = 0;

  /** The process was forked, or has forked. */
  forked(): void {
    this._left = SOON_FAULTS;
  }

  /** Precondition: the parent has forked this one. */
  shareWith(child: HotPages): void {
    child.pages = this.pages;
    this.forked();
    child.forked();
  }

  /** A write needed a copy of the page. */
  copied(page: number): void {
    if (this._left === 0) return;
    this._left--;
    if (this.pages.includes(page)) return;
    if (this.pages.length >= MAX_PAGES) this.pages.shift();
    this.pages.push(page);
  }
}
