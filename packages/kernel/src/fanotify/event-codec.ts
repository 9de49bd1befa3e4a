/** Records that programs read from fanotify instances (fanotify(7)). */
import { FANOTIFY_EVENT, FANOTIFY_METADATA_VERSION, FANOTIFY_PIDFD, FAN_EVENT_INFO_TYPE_PIDFD } from '@troupe/abi';

/** `recordBytes` are those of the whole record, what follows included. */
export function encodeEvent(mask: number, fd: number, pid: number, recordBytes: number): Uint8Array {
  const bytes = new Uint8Array(recordBytes);
  const view = new DataView(bytes.buffer);
  const { off, sizeBytes } = FANOTIFY_EVENT;
  view.setUint32(off.eventLen, recordBytes, true);
  view.setUint8(off.version, FANOTIFY_METADATA_VERSION);
  view.setUint16(off.metadataLen, sizeBytes, true);
  view.setUint32(off.mask, mask, true);
  view.setInt32(off.fd, fd, true);
  view.setInt32(off.pid, pid, true);
  return bytes;
}

/** Completes a record by the descriptor of the process (FAN_REPORT_PIDFD). */
export function withPidFd(record: Uint8Array, pidFd: number): Uint8Array {
  const view = new DataView(record.buffer, FANOTIFY_EVENT.sizeBytes);
  const { off, sizeBytes } = FANOTIFY_PIDFD;
  view.setUint8(off.infoType, FAN_EVENT_INFO_TYPE_PIDFD);
  view.setUint16(off.len, sizeBytes, true);
  view.setInt32(off.pidfd, pidFd, true);
  return record;
}
