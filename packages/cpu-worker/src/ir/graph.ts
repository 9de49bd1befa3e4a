import { Node, type Alias, type Epoch, type Label, type NodeOp } from './node.js';
import type { Ty } from './types.js';

/**
 * A list of nodes under construction. Nodes are appended in program order; nested lists belong to
 * if, block and loop nodes. Effects advance the epochs, by which lower.ts decides whether a read
 * may be delayed to its use.
 */
export class Graph {
  readonly root: Node[] = [];
  #list: Node[] = this.root;
  #epoch: Epoch = { state: 0, guest: 0, var: 0, loop: 0 };
  #loops = 0;

  append(ty: Ty | 'void', op: NodeOp, args: readonly Node[] = []): Node {
    const node = new Node(ty, op, args, this.#epoch);
    this.#list.push(node);
    return node;
  }

  /** Appends an effect that changes what `changes` names. */
  effect(ty: Ty | 'void', op: NodeOp, args: readonly Node[], changes: readonly Alias[]): Node {
    const node = this.append(ty, op, args);
    for (const alias of changes) this.touch(alias);
    return node;
  }

  touch(alias: Alias): void {
    if (alias === 'fixed') return;
    this.#epoch = { ...this.#epoch, [alias]: this.#epoch[alias] + 1 };
  }

  #nested(list: Node[], build: () => void): void {
    const outer = this.#list;
    this.#list = list;
    build();
    this.#list = outer;
  }

  /** Builds a list that is in the graph only once it is adopted. */
  apart(build: () => void): Node[] {
    const list: Node[] = [];
    this.#nested(list, build);
    return list;
  }

  /** Appends a list made apart. */
  adopt(list: readonly Node[]): void {
    this.#list.push(...list);
  }

  if(condition: Node, then: () => void, otherwise?: () => void, isRare = false): void {
    const node = this.append('void', { kind: 'if', then: [], otherwise: [], isRare }, [condition]);
    if (node.op.kind !== 'if') return;
    this.#nested(node.op.then, then);
    if (otherwise) this.#nested(node.op.otherwise, otherwise);
  }

  block(label: Label, build: () => void): void {
    const body: Node[] = [];
    this.append('void', { kind: 'block', label, body });
    this.#nested(body, build);
  }

  loop(label: Label, build: () => void): void {
    const body: Node[] = [];
    const outer = this.#epoch.loop;
    this.append('void', { kind: 'loop', label, body });
    // Everything may have changed when the body runs again.
    this.#epoch = { state: this.#epoch.state + 1, guest: this.#epoch.guest + 1, var: this.#epoch.var + 1, loop: ++this.#loops };
    this.#nested(body, build);
    this.#epoch = { state: this.#epoch.state + 1, guest: this.#epoch.guest + 1, var: this.#epoch.var + 1, loop: outer };
  }
}
