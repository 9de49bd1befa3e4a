/**
 * A batch of cases: what is sent to the oracle and read by the emulator side. Cases are written in
 * place through typed views, so that generating one allocates nothing.
 */
import { BATCH_MAGIC, BatchHead, CaseIn, DATA_BYTES, MAX_BATCH_CASES, RO_BYTES } from './layout.js';

const INT3 = 0xcc;

export class Batch {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly data: Uint8Array;
  readonly ro: Uint8Array;
  /** Image of the code pages under the code of the cases: int3 unless set. */
  readonly code: Uint8Array;
  count = 0;

  constructor(readonly capacity: number) {
    if (capacity > MAX_BATCH_CASES) throw new RangeError(`batch of ${capacity} cases`);
    this.bytes = new Uint8Array(BatchHead.sizeBytes + capacity * CaseIn.sizeBytes);
    this.view = new DataView(this.bytes.buffer);
    this.data = this.bytes.subarray(BatchHead.off.data, BatchHead.off.data + DATA_BYTES);
    this.ro = this.bytes.subarray(BatchHead.off.ro, BatchHead.off.ro + RO_BYTES);
    this.code = this.bytes.subarray(BatchHead.off.code, BatchHead.sizeBytes).fill(INT3);
    this.view.setUint32(BatchHead.off.magic, BATCH_MAGIC, true);
  }

  /** A copy of a batch from its request. */
  static of(request: Uint8Array): Batch {
    const batch = new Batch((request.length - BatchHead.sizeBytes) / CaseIn.sizeBytes);
    batch.bytes.set(request);
    batch.count = batch.capacity;
    return batch;
  }

  /** Byte offset of case `index` in `bytes`. */
  at(index: number): number {
    return BatchHead.sizeBytes + index * CaseIn.sizeBytes;
  }

  /** Claims the next case, zeroed; returns its byte offset. */
  add(): number {
    const at = this.at(this.count++);
    this.bytes.fill(0, at, at + CaseIn.sizeBytes);
    return at;
  }

  /** The request as sent to the oracle. */
  request(): Uint8Array {
    this.view.setUint32(BatchHead.off.count, this.count, true);
    return this.bytes.subarray(0, this.at(this.count));
  }
}
