import { expect } from 'chai';
import { DISABLED, ManualTimeSource, settingAt, Timekeeper, Timer, TimerQueue } from '@troupe/time';

describe('time', () => {
  it('Setting.at counts the expirations on the way', () => {
    const setting = { enabled: true, nextNs: 100, periodNs: 30 };
    expect(settingAt(setting, 99)).to.deep.equal({ setting, expirations: 0 });
    expect(settingAt(setting, 100)).to.deep.equal({ setting: { ...setting, nextNs: 130 }, expirations: 1 });
    expect(settingAt(setting, 165)).to.deep.equal({ setting: { ...setting, nextNs: 190 }, expirations: 3 });
    expect(settingAt({ ...setting, periodNs: 0 }, 500)).to.deep.equal({ setting: { ...setting, periodNs: 0, enabled: false }, expirations: 1 });
    expect(settingAt(DISABLED, 500).expirations).to.equal(0);
  });

  it('the timekeeper stands still while paused, and realtime can be set', () => {
    const source = new ManualTimeSource();
    const keeper = new Timekeeper(source);
    source.advance(500);
    keeper.pauseUpdates();
    keeper.pauseUpdates();
    source.advance(1000);
    expect(keeper.monotonicNs()).to.equal(500);
    keeper.resumeUpdates();
    keeper.resumeUpdates();
    source.advance(7);
    expect(keeper.monotonicNs()).to.equal(507);
    keeper.setRealtimeNs(5_000_000_000n);
    source.advance(3);
    expect(keeper.realtimeNs()).to.equal(5_000_000_003n);
  });

  it('timers expire in deadline order and leave when cancelled', () => {
    const source = new ManualTimeSource();
    const { monotonicClock } = new Timekeeper(source);
    const queue = new TimerQueue(monotonicClock);
    const order: string[] = [];
    const arm = (name: string, atNs: number) => queue.arm(atNs, { onExpire: () => void order.push(name) });
    arm('c', 30);
    arm('a', 10);
    const gone = arm('gone', 15);
    arm('b', 20);
    arm('b2', 20);
    queue.cancel(gone);
    expect(queue.nextNs).to.equal(10);
    source.advance(25);
    expect(queue.expire(monotonicClock.nowNs())).to.equal(3);
    expect(order).to.deep.equal(['a', 'b', 'b2']);
    expect(queue.nextNs).to.equal(30);
  });

  it('a periodic timer tells how many periods passed; paused it tells nothing', () => {
    const source = new ManualTimeSource();
    const { monotonicClock } = new Timekeeper(source);
    const queue = new TimerQueue(monotonicClock);
    const told: number[] = [];
    const timer = new Timer(monotonicClock, queue, { notifyTimer: (expirations) => void told.push(expirations) });
    timer.swap({ enabled: true, nextNs: 10, periodNs: 10 });
    source.advance(35);
    queue.expire(monotonicClock.nowNs());
    expect(told).to.deep.equal([3]);
    timer.pause();
    source.advance(100);
    expect(queue.expire(monotonicClock.nowNs())).to.equal(0);
    timer.resume();
    queue.expire(monotonicClock.nowNs());
    expect(told).to.deep.equal([3, 10]);
    expect(timer.swap(DISABLED)).to.deep.equal({ enabled: true, nextNs: 140, periodNs: 10 });
    expect(queue.nextNs).to.equal(Infinity);
  });
});
