/**
 * The kernel log (kernel.go syslog, syslog(2), dmesg(1)): numbered records in a buffer of fixed size.
 *
 * Owns:   the records, and what syslog(2) read and cleared.
 * Order:  a record is in the buffer before readers of /dev/kmsg are woken.
 */
import { NS_PER_SEC, WaitQueue } from '@troupe/abi';
import type { Clock } from '@troupe/time';

/** Severity of a record (syslog(2), "Log level"). */
export const LogLevel = { EMERG: 0, ALERT: 1, CRIT: 2, ERR: 3, WARNING: 4, NOTICE: 5, INFO: 6, DEBUG: 7 } as const;

/** SYSLOG_ACTION_SIZE_BUFFER. */
export const LOG_BUFFER_BYTES = 1 << 17;

export interface LogRecord {
  readonly seq: number;
  /** Facility × 8 + level. */
  readonly priority: number;
  readonly timeNs: number;
  /** Byte string of one line. */
  readonly text: string;
}

/** `[    1.234567] text`, as dmesg prints it. */
export function logLine(record: LogRecord): string {
  const seconds = Math.floor(record.timeNs / NS_PER_SEC);
  const micros = Math.floor((record.timeNs % NS_PER_SEC) / 1000);
  return `<${record.priority}>[${String(seconds).padStart(5)}.${String(micros).padStart(6, '0')}] ${record.text}\n`;
}

export class KernelLog {
  private readonly _records: LogRecord[] = [];
  private _sizeBytes = 0;
  private _nextSeq = 0;
  /** First record SYSLOG_ACTION_READ has not given yet, and first one after the last CLEAR. */
  private _readSeq = 0;
  private _clearedSeq = 0;
  /** Woken by every record. */
  readonly waiters = new WaitQueue();

  constructor(readonly clock: Clock) {}

  /** Adds a line; the oldest ones go when the buffer is full. */
  append(text: string, priority: number = LogLevel.INFO): void {
    const record = { seq: this._nextSeq++, priority, timeNs: this.clock.nowNs(), text: text.replaceAll('\n', ' ') };
    this._records.push(record);
    this._sizeBytes += logLine(record).length;
    while (this._sizeBytes > LOG_BUFFER_BYTES) this._sizeBytes -= logLine(this._records.shift()!).length;
    this.waiters.wake(0, Infinity);
  }

  get firstSeq(): number {
    return this._records[0]?.seq ?? this._nextSeq;
  }

  get nextSeq(): number {
    return this._nextSeq;
  }

  get clearedSeq(): number {
    return Math.max(this._clearedSeq, this.firstSeq);
  }

  /** Preconditions: firstSeq ≤ seq < nextSeq. */
  at(seq: number): LogRecord {
    return this._records[seq - this.firstSeq]!;
  }

  private _textFrom(seq: number): string[] {
    return this._records.slice(Math.max(0, seq - this.firstSeq)).map(logLine);
  }

  /** The newest whole lines since the last clear that fit in `maxBytes` (SYSLOG_ACTION_READ_ALL). */
  readAll(maxBytes: number): string {
    const lines = this._textFrom(this._clearedSeq);
    let first = lines.length;
    for (let room = maxBytes; first > 0 && lines[first - 1]!.length <= room; first--) room -= lines[first - 1]!.length;
    return lines.slice(first).join('');
  }

  /** The oldest whole lines nobody took yet, at most `maxBytes`; they are taken (SYSLOG_ACTION_READ). */
  take(maxBytes: number): string {
    let text = '';
    for (const line of this._textFrom(this._readSeq)) {
      if (text.length + line.length > maxBytes) break;
      text += line;
      this._readSeq = Math.max(this._readSeq, this.firstSeq) + 1;
    }
    return text;
  }

  get unreadBytes(): number {
    return this._textFrom(this._readSeq).reduce((sum, line) => sum + line.length, 0);
  }

  /** SYSLOG_ACTION_CLEAR. */
  clear(): void {
    this._clearedSeq = this._nextSeq;
  }
}
