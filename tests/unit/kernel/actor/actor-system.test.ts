import { ActorSystem, killedBy } from '@troupe/abi';
import type { Actor, ActorName, Body, MessageType, Reply } from '@troupe/abi';
import { expect } from 'chai';

class Recorder implements Actor {
  readonly seen: string[] = [];
  onMessage: ((type: MessageType) => void) | null = null;

  constructor(readonly actorName: ActorName, readonly log: string[] = []) {}

  receive<T extends MessageType>(type: T, _body: Body<T>): Reply<T> {
    this.log.push(`${type} begin`);
    this.onMessage?.(type);
    this.log.push(`${type} end`);
    return 42 as Reply<T>;
  }
}

const exit = { tid: 1, status: killedBy(9) };
const info = { tgid: 1, info: { signo: 17, code: 1 } };

describe('actor system', () => {
  it('answers an ask at once', () => {
    const system = new ActorSystem();
    system.register(new Recorder('Signals'));
    expect(system.ask('Signals.SendToGroup', info)).to.equal(42);
    expect(system.handled).to.equal(1);
  });

  it('lets a higher rank ask a lower one, and refuses the reverse with the chain', () => {
    const log: string[] = [];
    const system = new ActorSystem();
    const tasks = new Recorder('TaskSet', log);
    const signals = new Recorder('Signals', log);
    system.register(tasks);
    system.register(signals);
    tasks.onMessage = () => system.ask('Signals.SendToGroup', info);
    system.ask('TaskSet.Exit', exit);
    expect(log).to.deep.equal(['TaskSet.Exit begin', 'Signals.SendToGroup begin', 'Signals.SendToGroup end', 'TaskSet.Exit end']);
    signals.onMessage = () => system.ask('TaskSet.Exit', exit);
    expect(() => system.ask('TaskSet.Exit', exit)).to.throw('Signals may not ask TaskSet (TaskSet.Exit); chain: TaskSet > Signals');
    signals.onMessage = () => system.ask('Signals.SendToGroup', info);
    expect(() => system.ask('Signals.SendToGroup', info)).to.throw('Signals may not ask Signals');
  });

  it('handles sent messages after the current one, also after a failure', () => {
    const log: string[] = [];
    const system = new ActorSystem();
    const signals = new Recorder('Signals', log);
    system.register(new Recorder('TaskSet', log));
    system.register(signals);
    signals.onMessage = () => system.send('TaskSet.Exit', exit);
    system.ask('Signals.SendToGroup', info);
    expect(log).to.deep.equal(['Signals.SendToGroup begin', 'Signals.SendToGroup end', 'TaskSet.Exit begin', 'TaskSet.Exit end']);
    signals.onMessage = () => {
      throw new Error('broken');
    };
    expect(() => system.ask('Signals.SendToGroup', info)).to.throw('broken');
    signals.onMessage = null;
    expect(system.ask('Signals.SendToGroup', info)).to.equal(42);
  });

  it('refuses messages nobody accepts', () => {
    expect(() => new ActorSystem().ask('Timers.Expire', { nowNs: 0 })).to.throw('no actor accepts Timers.Expire');
  });

  it('traces messages with the chain of busy actors', () => {
    const system = new ActorSystem();
    const events: string[] = [];
    const tasks = new Recorder('TaskSet');
    system.register(tasks);
    system.register(new Recorder('Signals'));
    tasks.onMessage = () => system.send('Signals.SendToGroup', info);
    system.onTrace = (event) => events.push(`${event.kind} ${event.type} [${event.chain.join(' ')}]`);
    system.ask('TaskSet.Exit', exit);
    expect(events).to.deep.equal(['ask TaskSet.Exit []', 'send Signals.SendToGroup [TaskSet]']);
  });
});
