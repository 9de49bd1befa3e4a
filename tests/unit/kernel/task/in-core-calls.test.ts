/** System calls that cores answer: the rows say which, and what is published for them is what the handlers say. */
import { IN_CORE_CALLS, ID_CALLS, FUTEX_FILTER, futexFilterIndex, TCB, Nr } from '@troupe/abi';
import { SYSCALL_ROWS } from '@troupe/kernel/syscall/table.js';
import { expect } from 'chai';

describe('system calls answered by cores', () => {
  it('are those whose rows say so', () => {
    expect(SYSCALL_ROWS.filter(({ inCore }) => inCore).map(({ nr }) => nr)).to.have.members(IN_CORE_CALLS);
    expect(IN_CORE_CALLS.slice(0, ID_CALLS)).to.deep.equal([Nr.getpid, Nr.gettid, Nr.getuid, Nr.geteuid, Nr.getgid, Nr.getegid]);
    expect(TCB.fields.ids).to.deep.equal(['u32', ID_CALLS]);
  });

  it('have filter counters inside the filter for every address', () => {
    for (const addr of [0, 4, 0x5555_5000, 0xffff_fffc, 2 ** 47 - 4]) expect(futexFilterIndex(addr)).to.be.within(0, 4095);
    expect(FUTEX_FILTER).to.be.greaterThan(0);
  });
});
