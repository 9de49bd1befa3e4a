/** Faults planted in a kernel before it runs, for tests of tests. */
import type { FakeKernel } from './fake-kernel.js';

export type Plant = (fake: FakeKernel) => void;

/** Every `period`th call of a method does nothing. */
export function lose<T extends object>(object: T, method: keyof T & string, period: number): void {
  let calls = 0;
  const original = (object[method] as (...args: unknown[]) => unknown).bind(object);
  Object.defineProperty(object, method, { value: (...args: unknown[]) => (++calls % period === 0 ? undefined : original(...args)) });
}
