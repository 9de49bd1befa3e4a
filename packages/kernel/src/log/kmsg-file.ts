/**
 * /dev/kmsg (Linux Documentation/ABI/testing/dev-kmsg): a read gives one record, a write adds one.
 *
 * Owns:  the number of the next record to read.
 */
import { EPOLLIN, EPOLLOUT, EPOLLRDNORM, Errno, SEEK_DATA, SEEK_END, SEEK_SET, makeDev, type Waiter } from '@troupe/abi';
import { FileDescription, type DeviceOpener, type PathNode } from '@troupe/vfs';
import { LogLevel, type KernelLog, type LogRecord } from './kernel-log.js';

export const KMSG_DEV = makeDev(1, 11);
/** LOG_USER: facility of records that programs write. */
const USER_FACILITY = 1 << 3;
const MAX_RECORD_BYTES = 1024;

function recordText({ priority, seq, timeNs, text }: LogRecord): string {
  return `${priority},${seq},${Math.floor(timeNs / 1000)},-;${text}\n`;
}

/** Hears of new records for an open file. */
export class RecordWaiter implements Waiter {
  readonly events = 0;

  constructor(readonly file: FileDescription) {}

  onWake(): void {
    this.file.waiters.wake(EPOLLIN | EPOLLRDNORM, Infinity);
  }
}

export class KmsgFile extends FileDescription {
  private _seq: number;
  private readonly _onRecord = new RecordWaiter(this);

  constructor(node: PathNode, flags: number, readonly log: KernelLog) {
    super(node, flags);
    this._seq = log.firstSeq;
    log.waiters.add(this._onRecord);
  }

  /** EPIPE: records were overwritten before they were read; the next read goes on with the oldest. */
  override read(dst: Uint8Array): number {
    const { log } = this;
    if (this._seq < log.firstSeq) {
      this._seq = log.firstSeq;
      return -Errno.EPIPE;
    }
    if (this._seq >= log.nextSeq) return -Errno.EAGAIN;
    const bytes = Buffer.from(recordText(log.at(this._seq)), 'latin1');
    if (bytes.length > dst.length) return -Errno.EINVAL;
    dst.set(bytes);
    this._seq++;
    return bytes.length;
  }

  /** `<N>` in front of the text is its priority. */
  override write(src: Uint8Array): number {
    if (src.length > MAX_RECORD_BYTES) return -Errno.EINVAL;
    const text = Buffer.from(src).toString('latin1').replace(/\n$/, '');
    const prefix = /^<(\d{1,3})>/.exec(text);
    const given = prefix ? Number(prefix[1]) : LogLevel.WARNING;
    this.log.append(text.slice(prefix?.[0].length ?? 0), given >> 3 === 0 ? given | USER_FACILITY : given);
    return src.length;
  }

  override poll(): number {
    return EPOLLOUT | (this._seq < this.log.nextSeq ? EPOLLIN | EPOLLRDNORM : 0);
  }

  override get seekable(): boolean {
    return true;
  }

  override seek(offBytes: number, whence: number): number {
    if (offBytes !== 0) return -Errno.ESPIPE;
    if (whence === SEEK_SET) this._seq = this.log.firstSeq;
    else if (whence === SEEK_END) this._seq = this.log.nextSeq;
    else if (whence === SEEK_DATA) this._seq = this.log.clearedSeq;
    else return -Errno.EINVAL;
    return 0;
  }

  protected override release(): void {
    this.log.waiters.remove(this._onRecord);
  }
}

export function openKmsg(log: KernelLog): DeviceOpener {
  return (node, flags) => new KmsgFile(node, flags, log);
}
