/**
 * epoll instances (epoll(7)).
 *
 * Owns:   the interest list and the ready list. An interest holds no reference on its file: it ends with
 *         the last reference of the file (epoll(7), question 6).
 * Order:  an interest is put on the ready list before the waiters of the instance are woken; readiness is
 *         asked again when events are collected, so that spurious entries are harmless.
 */
import { EPOLLERR, EPOLLET, EPOLLEXCLUSIVE, EPOLLHUP, EPOLLIN, EPOLLWAKEUP, Errno, O_RDWR } from '@troupe/abi';
import { newAnonymousNode } from '../anonymous.js';
import { FileDescription } from '../file-description.js';
import { EpollItem } from './epoll-item.js';

/** Longest chain of epoll instances watching each other (EP_MAX_NESTS). */
const MAX_NESTING = 4;
const EXCLUSIVE_OK = EPOLLIN | 0x4 | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

/** What epoll_wait(2) reports; `data` as the two halves of the 64-bit value. */
export interface EpollEvent {
  readonly events: number;
  readonly dataLow: number;
  readonly dataHigh: number;
}

export class Epoll extends FileDescription {
  private readonly _interests = new Map<FileDescription, Map<number, EpollItem>>();
  private readonly _ready = new Set<EpollItem>();

  constructor() {
    super(newAnonymousNode('[eventpoll]'), O_RDWR);
  }

  /** EPOLL_CTL_ADD. */
  add(fd: number, file: FileDescription, event: EpollEvent): number {
    const refusal = this._refusal(file);
    if (refusal !== 0) return refusal;
    if ((event.events & EPOLLEXCLUSIVE) !== 0 && (file instanceof Epoll || (event.events & ~EXCLUSIVE_OK) !== 0)) return -Errno.EINVAL;
    if (this._find(fd, file)) return -Errno.EEXIST;
    if (file instanceof Epoll && (file.reaches(this) || this._watcherDepth() + file.nestingDepth() > MAX_NESTING)) return -Errno.ELOOP;
    const item = new EpollItem(this, fd, file, event);
    const byFd = this._interests.get(file) ?? new Map<number, EpollItem>();
    byFd.set(fd, item);
    this._interests.set(file, byFd);
    item.attach();
    if (item.readyEvents() !== 0) this.markReady(item);
    return 0;
  }

  /** EPOLL_CTL_MOD. */
  modify(fd: number, file: FileDescription, event: EpollEvent): number {
    const refusal = this._refusal(file);
    if (refusal !== 0) return refusal;
    const item = this._find(fd, file);
    if (!item) return -Errno.ENOENT;
    if (item.isExclusive || (event.events & EPOLLEXCLUSIVE) !== 0) return -Errno.EINVAL;
    item.change(event);
    if (item.readyEvents() !== 0) this.markReady(item);
    return 0;
  }

  /** EPOLL_CTL_DEL. */
  remove(fd: number, file: FileDescription): number {
    const refusal = this._refusal(file);
    if (refusal !== 0) return refusal;
    const item = this._find(fd, file);
    if (!item) return -Errno.ENOENT;
    this.drop(item);
    return 0;
  }

  /** Something may have happened to the file of an interest. */
  markReady(item: EpollItem): void {
    this._ready.add(item);
    this.waiters.wake(EPOLLIN);
  }

  /** Ends an interest, by EPOLL_CTL_DEL or with its file. */
  drop(item: EpollItem): void {
    item.detach();
    this._ready.delete(item);
    const byFd = this._interests.get(item.file);
    byFd?.delete(item.fd);
    if (byFd?.size === 0) this._interests.delete(item.file);
  }

  /** Up to `max` events; level-triggered interests go to the end of the ready list, so that all get their turn. */
  collect(max: number): EpollEvent[] {
    const events: EpollEvent[] = [];
    for (const item of [...this._ready]) {
      if (events.length === max) break;
      this._ready.delete(item);
      const ready = item.readyEvents();
      if (ready === 0) continue;
      events.push({ events: ready, dataLow: item.dataLow, dataHigh: item.dataHigh });
      if (item.isOneShot) item.disable();
      else if (!item.isEdgeTriggered) this._ready.add(item);
    }
    return events;
  }

  override poll(): number {
    for (const item of [...this._ready]) {
      if (item.readyEvents() !== 0) return EPOLLIN;
      this._ready.delete(item);
    }
    return 0;
  }

  override read(): number {
    return -Errno.EINVAL;
  }

  override write(): number {
    return -Errno.EINVAL;
  }

  override fdInfo(): string {
    return [...this._items()].map((item) => item.fdInfo()).join('');
  }

  /** True when `target` is this instance or watched by it, at any depth. */
  reaches(target: Epoll): boolean {
    if (this === target) return true;
    return this._watchedInstances().some((inner) => inner.reaches(target));
  }

  /** 1 for an instance that watches no other. */
  nestingDepth(): number {
    return 1 + Math.max(0, ...this._watchedInstances().map((inner) => inner.nestingDepth()));
  }

  protected override release(): void {
    for (const item of [...this._items()]) this.drop(item);
  }

  /** Instances above this one that watch it, as a chain length. */
  private _watcherDepth(): number {
    let depth = 0;
    for (const listener of this.releaseListeners ?? []) {
      if (listener instanceof EpollItem) depth = Math.max(depth, 1 + listener.epoll._watcherDepth());
    }
    return depth;
  }

  private _watchedInstances(): Epoll[] {
    return [...this._interests.keys()].filter((file): file is Epoll => file instanceof Epoll);
  }

  private *_items(): IterableIterator<EpollItem> {
    for (const byFd of this._interests.values()) yield* byFd.values();
  }

  private _find(fd: number, file: FileDescription): EpollItem | undefined {
    return this._interests.get(file)?.get(fd);
  }

  private _refusal(file: FileDescription): number {
    if (!file.pollable) return -Errno.EPERM;
    return file === this ? -Errno.EINVAL : 0;
  }
}

export { EpollItem };
