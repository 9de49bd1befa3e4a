/** The terminal of the host as a guest terminal: the command line feeds typed bytes and shows output. */
import type { TtyDriver } from './tty.js';

/** Always room: the host side is written synchronously. */
const WRITE_ROOM_BYTES = 1 << 20;

/** Where output of the guest goes; must take all bytes. */
export type HostSink = (bytes: Uint8Array) => void;

export class HostTerminal implements TtyDriver {
  readonly writeRoom = WRITE_ROOM_BYTES;

  /** `sink` is set again when the terminal came with an image. */
  constructor(public sink: HostSink) {}

  write(bytes: Uint8Array): void {
    this.sink(bytes);
  }
}
