import type { Ty } from './types.js';
import type { PureOpInfo } from './wasm-ops.js';

/** Target of a branch: a block (branch = leave it) or a loop (branch = repeat it). */
export interface Label {
  readonly name: string;
}

/** A constant that is known when all code has been built: of 32 bits, signed. */
export interface LateConstant {
  readonly value: number;
}

/** What a node does. Pure kinds come first; the others are effects and keep their order. */
export type NodeOp =
  | { readonly kind: 'const'; readonly value: number | bigint | Uint8Array }
  | { readonly kind: 'late'; readonly constant: LateConstant }
  | { readonly kind: 'pure'; readonly info: PureOpInfo; readonly lane: number }
  | { readonly kind: 'select' }
  | { readonly kind: 'shuffle'; readonly lanes: Uint8Array }
  | { readonly kind: 'load'; readonly code: number; readonly offset: number; readonly alias: Alias }
  | { readonly kind: 'get'; readonly local: number; readonly alias: Alias }
  | { readonly kind: 'global'; readonly index: number }
  | { readonly kind: 'store'; readonly code: number; readonly offset: number }
  | { readonly kind: 'set'; readonly local: number }
  | { readonly kind: 'setGlobal'; readonly index: number }
  | { readonly kind: 'call'; readonly fn: number }
  | { readonly kind: 'callIndirect'; readonly type: number; readonly table: number }
  | { readonly kind: 'tailCallIndirect'; readonly type: number; readonly table: number }
  | { readonly kind: 'tailCall'; readonly fn: number }
  | { readonly kind: 'atomic'; readonly code: number; readonly offset: number }
  | { readonly kind: 'copy' }
  | { readonly kind: 'fill' }
  | { readonly kind: 'if'; readonly then: Node[]; readonly otherwise: Node[]; readonly isRare: boolean }
  | { readonly kind: 'block' | 'loop'; readonly label: Label; readonly body: Node[] }
  /** Opens an `if` that the lowering's caller goes on with and closes. */
  | { readonly kind: 'openIf' }
  | { readonly kind: 'br'; readonly label: Label }
  | { readonly kind: 'brIf'; readonly label: Label; readonly isRare: boolean }
  | { readonly kind: 'brTable'; readonly labels: readonly Label[]; readonly fallback: Label }
  | { readonly kind: 'return' };

/**
 * What may change the value of a read. `fixed`: nothing. `state`: guest registers and flags.
 * `guest`: guest memory. `var`: mutable locals.
 */
export type Alias = 'fixed' | 'state' | 'guest' | 'var';

/** Counters of the effects so far, by what they change; and the innermost loop. */
export interface Epoch {
  readonly state: number;
  readonly guest: number;
  readonly var: number;
  readonly loop: number;
}

/** A value or an effect, in program order. */
export class Node {
  /** Uses by live nodes, and the last one seen; found by `analyse` (lower.ts). */
  uses = 0;
  consumer: Node | undefined;
  /** Where the node's code finally stands. */
  env: Epoch;
  inlined = false;
  live = false;
  local = -1;

  constructor(
    readonly ty: Ty | 'void',
    readonly op: NodeOp,
    readonly args: readonly Node[],
    readonly made: Epoch,
  ) {
    this.env = made;
  }

  get isEffect(): boolean {
    switch (this.op.kind) {
      case 'const': case 'late': case 'pure': case 'select': case 'shuffle': case 'load': case 'get': case 'global': return false;
      default: return true;
    }
  }
}
