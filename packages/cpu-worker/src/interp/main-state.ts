/**
 * Values of KernelHeader.interpreterWarm; see main-tier.ts. The quick stage comes first; the full one
 * has the same three steps.
 */
export const MainState = { COLD: 0, QUICK_REQUESTED: 1, QUICK_COMPILED: 2, QUICK_HELD: 3, FULL_REQUESTED: 4, FULL_COMPILED: 5, FULL_HELD: 6 } as const;

/** What the compiling thread is started with. */
export interface CompilerData {
  readonly memory: WebAssembly.Memory;
  /** URL of the module. */
  readonly wasm: string;
  /** i32 index of the state word, and its value when the module is compiled. */
  readonly stateWord: number;
  readonly compiled: number;
}
