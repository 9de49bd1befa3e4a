/** Values of KernelHeader.interpreterWarm; see main-tier.ts. */
export const MainState = { COLD: 0, REQUESTED: 1, COMPILED: 2, HELD: 3 } as const;

/** What the compiling thread is started with. */
export interface CompilerData {
  readonly memory: WebAssembly.Memory;
  /** URL of the module. */
  readonly wasm: string;
  /** i32 index of the state word. */
  readonly stateWord: number;
}
