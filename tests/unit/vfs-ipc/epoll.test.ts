import { expect } from 'chai';
import { EPOLLET, EPOLLIN, EPOLLONESHOT, Errno, O_NONBLOCK } from '@troupe/abi';
import { Epoll, EventFile } from '@troupe/vfs';

const event = (events: number, dataLow = 0) => ({ events, dataLow, dataHigh: 0 });

function add(file: EventFile): void {
  file.write(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
}

function newEvent(): EventFile {
  return new EventFile(0n, false, O_NONBLOCK).incRef();
}

describe('Epoll', () => {
  it('reports a level-triggered file until it is drained', () => {
    const epoll = new Epoll();
    const file = newEvent();
    expect(epoll.add(3, file, event(EPOLLIN, 7))).to.equal(0);
    expect(epoll.collect(8)).to.deep.equal([]);
    add(file);
    expect(epoll.collect(8)).to.deep.equal([{ events: EPOLLIN, dataLow: 7, dataHigh: 0 }]);
    expect(epoll.collect(8)).to.have.length(1);
    file.read(new Uint8Array(8));
    expect(epoll.collect(8)).to.deep.equal([]);
  });

  it('reports an edge-triggered file once per wake-up', () => {
    const epoll = new Epoll();
    const file = newEvent();
    epoll.add(3, file, event(EPOLLIN | EPOLLET));
    add(file);
    expect(epoll.collect(8)).to.have.length(1);
    expect(epoll.collect(8)).to.have.length(0);
    add(file);
    expect(epoll.collect(8)).to.have.length(1);
  });

  it('disables a one-shot interest until it is modified', () => {
    const epoll = new Epoll();
    const file = newEvent();
    epoll.add(3, file, event(EPOLLIN | EPOLLONESHOT));
    add(file);
    expect(epoll.collect(8)).to.have.length(1);
    add(file);
    expect(epoll.collect(8)).to.have.length(0);
    epoll.modify(3, file, event(EPOLLIN | EPOLLONESHOT));
    expect(epoll.collect(8)).to.have.length(1);
  });

  it('gives every ready file its turn when few events fit', () => {
    const epoll = new Epoll();
    const files = Array.from({ length: 4 }, newEvent);
    files.forEach((file, index) => {
      epoll.add(index, file, event(EPOLLIN, index));
      add(file);
    });
    const order = [epoll.collect(3), epoll.collect(3)].flat().map(({ dataLow }) => dataLow);
    expect(order).to.deep.equal([0, 1, 2, 3, 0, 1]);
  });

  it('forgets a file with its last reference', () => {
    const epoll = new Epoll();
    const file = newEvent();
    epoll.add(3, file, event(EPOLLIN));
    epoll.add(4, file, event(EPOLLIN));
    add(file);
    file.decRef();
    expect(epoll.collect(8)).to.deep.equal([]);
    expect(file.waiters.size).to.equal(0);
  });

  it('refuses doubles, itself and loops, and chains that are too long', () => {
    const epoll = new Epoll();
    const file = newEvent();
    epoll.add(3, file, event(EPOLLIN));
    expect(epoll.add(3, file, event(EPOLLIN))).to.equal(-Errno.EEXIST);
    expect(epoll.remove(9, file)).to.equal(-Errno.ENOENT);
    expect(epoll.add(5, epoll, event(EPOLLIN))).to.equal(-Errno.EINVAL);
    const outer = new Epoll();
    expect(outer.add(3, epoll, event(EPOLLIN))).to.equal(0);
    expect(epoll.add(4, outer, event(EPOLLIN))).to.equal(-Errno.ELOOP);
    add(file);
    expect(outer.collect(8)).to.have.length(1);
  });
});
