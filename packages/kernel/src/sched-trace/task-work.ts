/** The work of each task, out of a trace: what it computes, what it asks of the kernel, and on whom it waits. */
import type { SchedEvent } from './events.js';

export type Step =
  /** Guest code, on any core. */
  | { readonly kind: 'run'; readonly ns: number }
  /** Work of the kernel thread for the task. */
  | { readonly kind: 'kernel'; readonly ns: number; readonly what: string }
  /** Until a step of another task is done. */
  | { readonly kind: 'after'; readonly task: number; readonly step: number }
  /** Until a timer or the host says so. */
  | { readonly kind: 'delay'; readonly ns: number };

export interface TaskWork {
  readonly tid: number;
  readonly name: string;
  readonly steps: readonly Step[];
}

interface Draft {
  readonly name: string;
  readonly steps: Step[];
  /** Index and start of each kernel step, in order of time. */
  readonly calls: { readonly step: number; readonly startNs: number }[];
  blockedAtNs: number | null;
}

const timeOf = (event: SchedEvent): number => ('startNs' in event ? event.startNs : event.atNs);

/** Tasks by the order in which they appear. */
export function workOf(events: readonly SchedEvent[]): TaskWork[] {
  const drafts = new Map<number, Draft>();
  const order = new Map<number, number>();
  const wakes: { readonly draft: Draft; readonly step: number; readonly by: number; readonly atNs: number; readonly waitedNs: number }[] = [];
  const kernels = events.filter((event) => event.kind === 'kernel').sort((a, b) => a.startNs - b.startNs);
  const sorted = [...events].sort((a, b) => timeOf(a) - timeOf(b));
  const draftOf = (tid: number, atNs: number): Draft => {
    let draft = drafts.get(tid);
    if (draft !== undefined) return draft;
    draft = { name: '', steps: [], calls: [], blockedAtNs: null };
    order.set(tid, drafts.size);
    drafts.set(tid, draft);
    const maker = kernels.find(({ startNs, endNs, tid: other }) => other !== tid && startNs <= atNs && atNs <= endNs);
    if (maker !== undefined) wakes.push({ draft, step: draft.steps.push({ kind: 'delay', ns: 0 }) - 1, by: maker.tid, atNs, waitedNs: 0 });
    return draft;
  };
  const names = new Map<number, string>();
  for (const event of sorted) {
    if (event.kind === 'lost') continue;
    if (event.kind === 'task') {
      names.set(event.tid, event.name);
      continue;
    }
    const draft = draftOf(event.tid, timeOf(event));
    switch (event.kind) {
      case 'slice':
        addRun(draft.steps, event.endNs - event.startNs);
        break;
      case 'kernel':
        draft.calls.push({ step: draft.steps.push({ kind: 'kernel', ns: event.endNs - event.startNs, what: event.what }) - 1, startNs: event.startNs });
        break;
      case 'blocked':
        draft.blockedAtNs = event.atNs;
        break;
      case 'woken':
        if (draft.blockedAtNs !== null) wakes.push({ draft, step: draft.steps.push({ kind: 'delay', ns: 0 }) - 1, by: event.by, atNs: event.atNs, waitedNs: event.atNs - draft.blockedAtNs });
        draft.blockedAtNs = null;
    }
  }
  for (const { draft, step, by, atNs, waitedNs } of wakes) draft.steps[step] = waitStep(drafts.get(by), order.get(by), atNs, waitedNs);
  return [...drafts].map(([tid, { steps }]) => ({ tid, name: names.get(tid) ?? '', steps }));
}

function addRun(steps: Step[], ns: number): void {
  const last = steps.at(-1);
  if (last?.kind === 'run') steps[steps.length - 1] = { kind: 'run', ns: last.ns + ns };
  else steps.push({ kind: 'run', ns });
}

/** The last work of the kernel for the waker that began before. */
function waitStep(waker: Draft | undefined, task: number | undefined, atNs: number, waitedNs: number): Step {
  const call = waker?.calls.findLast(({ startNs }) => startNs <= atNs);
  return call === undefined || task === undefined ? { kind: 'delay', ns: Math.max(0, waitedNs) } : { kind: 'after', task, step: call.step };
}
