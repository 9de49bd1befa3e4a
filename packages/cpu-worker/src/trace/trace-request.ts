/** Environment variable with the request of --trace-insn, for all threads. */
export const TRACE_INSN = 'TROUPE_TRACE_INSN';

/** What of a region is shown. */
export const TRACE_PARTS = ['guest', 'ir', 'wasm'] as const;
export type TracePart = (typeof TRACE_PARTS)[number];

export interface TraceRequest {
  readonly parts: ReadonlySet<TracePart>;
  /** Guest address below 4 GiB. */
  readonly address: number;
}

/** `guest,ir,wasm@0x401136`; undefined: the text is none of that kind. */
export function parseTraceRequest(text: string): TraceRequest | undefined {
  const match = /^([a-z,]+)@(0x[0-9a-f]{1,8}|\d{1,10})$/i.exec(text);
  const parts = match?.[1]!.split(',') ?? [];
  const address = Number(match?.[2]);
  const isKnown = parts.every((part) => (TRACE_PARTS as readonly string[]).includes(part));
  return match && isKnown && address < 2 ** 32 ? { parts: new Set(parts as TracePart[]), address } : undefined;
}
