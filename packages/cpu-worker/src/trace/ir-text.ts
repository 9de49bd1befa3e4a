import type { Node } from '../ir/node.js';
import { RELOCATED } from '../ir/lower.js';
import { MEMORY_NAMES } from './wasm-names.js';

/** Names of what the nodes of a region refer to by number. */
export interface IrNames {
  readonly local: (local: number) => string;
  readonly callee: (index: number) => string;
  readonly global: (index: number) => string;
}

const INDENT = '  ';

function constText(value: number | bigint | Uint8Array): string {
  if (value instanceof Uint8Array) return `0x${[...value].reverse().map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  return Math.abs(Number(value)) < 10 ? String(value) : value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/**
 * Text of a list of nodes that `analyse` (ir/lower.ts) has seen: a line for each effect and each value that is used
 * more than once; other values stand where they are used, dead ones nowhere.
 */
export class IrText {
  readonly #values = new Map<Node, string>();

  constructor(readonly names: IrNames) {}

  lines(nodes: readonly Node[], depth = 0): string[] {
    return nodes.filter((node) => node.live && !node.inlined).flatMap((node) => this.#lines(node, depth));
  }

  #lines(node: Node, depth: number): string[] {
    const { op } = node;
    const indent = INDENT.repeat(depth);
    switch (op.kind) {
      case 'if': {
        const otherwise = op.otherwise.length > 0 ? [`${indent}else`, ...this.lines(op.otherwise, depth + 1)] : [];
        return [`${indent}if ${op.isRare ? 'rare ' : ''}${this.#value(node.args[0]!)}`, ...this.lines(op.then, depth + 1), ...otherwise];
      }
      case 'block': case 'loop': return [`${indent}${op.kind} ${op.label.name}`, ...this.lines(op.body, depth + 1)];
      default: {
        const text = this.#text(node);
        if (node.ty === 'void' || node.uses === 0) return [indent + text];
        const name = `n${this.#values.size}`;
        this.#values.set(node, name);
        return [`${indent}${name} = ${text}`];
      }
    }
  }

  #value(node: Node): string {
    if (!node.inlined) return this.#values.get(node) ?? '?';
    const text = this.#text(node);
    return text.includes(' ') ? `(${text})` : text;
  }

  #text(node: Node): string {
    const args = node.args.map((arg) => ` ${this.#value(arg)}`).join('');
    return `${this.#operation(node)}${args}`;
  }

  #operation({ ty, op }: Node): string {
    const { local, callee, global } = this.names;
    switch (op.kind) {
      case 'const': return constText(op.value);
      case 'late': return constText(op.constant.value);
      case 'pure': return op.info.lane ? `${op.info.name}[${op.lane}]` : op.info.name;
      case 'select': return `${ty}.select`;
      case 'shuffle': return `i8x16.shuffle[${op.lanes.join(' ')}]`;
      case 'load': case 'store': case 'atomic': return `${MEMORY_NAMES.get(op.code) ?? op.code.toString(16)}+${op.offset}`;
      case 'get': return local(op.local);
      case 'set': return `${local(op.local)} :=`;
      case 'global': return this.#global(op.index, global);
      case 'setGlobal': return `${this.#global(op.index, global)} :=`;
      case 'call': case 'tailCall': return `${op.kind} ${op.fn >= RELOCATED ? callee(op.fn - RELOCATED) : op.fn}`;
      case 'br': case 'brIf': return `${op.kind}${op.kind === 'brIf' && op.isRare ? ' rare' : ''} ${op.label.name}`;
      case 'brTable': return `brTable [${op.labels.map(({ name }) => name).join(' ')}] ${op.fallback.name}`;
      default: return op.kind;
    }
  }

  #global(index: number, name: IrNames['global']): string {
    return index >= RELOCATED ? name(index - RELOCATED) : 'coreBlock';
  }
}
