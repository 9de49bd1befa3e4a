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
  readonly #interests = new Map<FileDescription, Map<number, EpollItem>>();
  readonly #ready = new Set<EpollItem>();

  constructor() {
    super(newAnonymousNode('[eventpoll]'), O_RDWR);
  }

  /** EPOLL_CTL_ADD. */
  add(fd: number, file: FileDescription, event: EpollEvent): number {
    const refusal = this.#refusal(file);
    if (refusal !== 0) return refusal;
    if ((event.events & EPOLLEXCLUSIVE) !== 0 && (file instanceof Epoll || (event.events & ~EXCLUSIVE_OK) !== 0)) return -Errno.EINVAL;
    if (this.#find(fd, file)) return -Errno.EEXIST;
    if (file instanceof Epoll && (file.reaches(this) || this.#watcherDepth() + file.nestingDepth() > MAX_NESTING)) return -Errno.ELOOP;
    const item = new EpollItem(this, fd, file, event);
    const byFd = this.#interests.get(file) ?? new Map<number, EpollItem>();
    byFd.set(fd, item);
    this.#interests.set(file, byFd);
    item.attach();
    if (item.readyEvents() !== 0) this.markReady(item);
    return 0;
  }

  /** EPOLL_CTL_MOD. */
  modify(fd: number, file: FileDescription, event: EpollEvent): number {
    const refusal = this.#refusal(file);
    if (refusal !== 0) return refusal;
    const item = this.#find(fd, file);
    if (!item) return -Errno.ENOENT;
    if (item.isExclusive || (event.events & EPOLLEXCLUSIVE) !== 0) return -Errno.EINVAL;
    item.change(event);
    if (item.readyEvents() !== 0) this.markReady(item);
    return 0;
  }

  /** EPOLL_CTL_DEL. */
  remove(fd: number, file: FileDescription): number {
    const refusal = this.#refusal(file);
    if (refusal !== 0) return refusal;
    const item = this.#find(fd, file);
    if (!item) return -Errno.ENOENT;
    this.drop(item);
    return 0;
  }

  /** Something may have happened to the file of an interest. */
  markReady(item: EpollItem): void {
    this.#ready.add(item);
    this.waiters.wake(EPOLLIN);
  }

  /** Ends an interest, by EPOLL_CTL_DEL or with its file. */
  drop(item: EpollItem): void {
    item.detach();
    this.#ready.delete(item);
    const byFd = this.#interests.get(item.file);
    byFd?.delete(item.fd);
    if (byFd?.size === 0) this.#interests.delete(item.file);
  }

  /** Up to `max` events; level-triggered interests go to the end of the ready list, so that all get their turn. */
  collect(max: number): EpollEvent[] {
    const events: EpollEvent[] = [];
    for (const item of [...this.#ready]) {
      if (events.length === max) break;
      this.#ready.delete(item);
      const ready = item.readyEvents();
      if (ready === 0) continue;
      events.push({ events: ready, dataLow: item.dataLow, dataHigh: item.dataHigh });
      if (item.isOneShot) item.disable();
      else if (!item.isEdgeTriggered) this.#ready.add(item);
    }
    return events;
  }

  override poll(): number {
    for (const item of [...this.#ready]) {
      if (item.readyEvents() !== 0) return EPOLLIN;
      this.#ready.delete(item);
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
    return [...this.#items()].map((item) => item.fdInfo()).join('');
  }

  /** True when `target` is this instance or watched by it, at any depth. */
  reaches(target: Epoll): boolean {
    if (this === target) return true;
    return this.#watchedInstances().some((inner) => inner.reaches(target));
  }

  /** 1 for an instance that watches no other. */
  nestingDepth(): number {
    return 1 + Math.max(0, ...this.#watchedInstances().map((inner) => inner.nestingDepth()));
  }

  protected override release(): void {
    for (const item of [...this.#items()]) this.drop(item);
  }

  /** Instances above this one that watch it, as a chain length. */
  #watcherDepth(): number {
    let depth = 0;
    for (const listener of this.releaseListeners ?? []) {
      if (listener instanceof EpollItem) depth = Math.max(depth, 1 + listener.epoll.#watcherDepth());
    }
    return depth;
  }

  #watchedInstances(): Epoll[] {
    return [...this.#interests.keys()].filter((file): file is Epoll => file instanceof Epoll);
  }

  *#items(): IterableIterator<EpollItem> {
    for (const byFd of this.#interests.values()) yield* byFd.values();
  }

  #find(fd: number, file: FileDescription): EpollItem | undefined {
    return this.#interests.get(file)?.get(fd);
  }

  #refusal(file: FileDescription): number {
    if (!file.pollable) return -Errno.EPERM;
    return file === this ? -Errno.EINVAL : 0;
  }
}

export { EpollItem };
