import { MeterModel, POLL_MS } from '../src/model';
import {
  type Balance,
  type Footing,
  type IDesk,
  type Month,
  type Spend,
  WireError
} from '../src/wire';
import { balance, meter, month, spend } from './fixtures';

/** A desk that answers at once, or when the test lets it. */
class TestDesk implements IDesk {
  readonly asked: string[] = [];
  answer: () => Promise<Balance> = () => Promise.resolve(balance());
  monthAnswer: () => Promise<Month> = () => Promise.resolve(month());
  spendAnswer = (path: string): Promise<Spend> => Promise.resolve(spend({ path }));

  balance = () => this.told('balance', this.answer());
  refresh = () => this.told('refresh', this.answer());
  month = () => this.told('month', this.monthAnswer());
  spend = (path: string, footing: Footing | null) =>
    this.told(`spend ${path}${footing ? ` ${footing.model}` : ''}`, this.spendAnswer(path));
  summary = () => Promise.resolve('');
  stopAnswer: () => Promise<void> = () => Promise.resolve();
  stop = (endpoint: string) => this.told(`stop ${endpoint}`, this.stopAnswer());

  /** What was asked since the last look. */
  heard(): string[] {
    return this.asked.splice(0);
  }

  private told<T>(name: string, answer: T): T {
    this.asked.push(name);
    return answer;
  }
}

/** A page that the test hides and shows. */
class TestPage extends EventTarget {
  hidden = false;

  turn(hidden: boolean): void {
    this.hidden = hidden;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

const away = () => Promise.reject(new WireError('away', 'Failed to fetch'));
const passed = (ms: number) => jest.advanceTimersByTimeAsync(ms);

let desk: TestDesk;
let page: TestPage;
let model: MeterModel;
let footing: Footing | null;

beforeEach(() => {
  jest.useFakeTimers({ now: new Date('2026-11-23T14:04:00Z') });
  desk = new TestDesk();
  page = new TestPage();
  footing = null;
  model = new MeterModel(desk, page, () => footing);
});

afterEach(() => {
  model.dispose();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

it('begins without figures and takes the first that come', async () => {
  expect(model.state.balance).toBeNull();
  const seen: (Balance | null)[] = [];
  model.changed.connect(({ state }) => seen.push(state.balance));
  await model.read();
  expect(seen).toEqual([balance()]);
  expect(desk.heard()).toEqual(['balance']);
});

it('asks at once on a hint, and once more for all that come meanwhile', async () => {
  let end: (answer: Balance) => void = () => {};
  desk.answer = () => new Promise(resolve => (end = resolve));
  const hints = [model.read(), model.read(), model.read(), model.read()];
  expect(desk.heard()).toEqual(['balance']);
  end(balance({ open: { words: '1 calls' } }));
  await passed(0);
  expect(desk.heard()).toEqual(['balance']);
  end(balance({ open: { words: '2 calls' } }));
  await Promise.all(hints);
  expect(desk.heard()).toEqual([]);
  expect(model.state.balance?.open.words).toBe('2 calls');
});

it('looks again after a while without a hint', async () => {
  await model.read();
  await passed(POLL_MS - 1);
  expect(desk.heard()).toEqual(['balance']);
  await passed(1);
  expect(desk.heard()).toEqual(['balance']);
});

it('asks nothing while the page is hidden, and at once when it is shown', async () => {
  await model.read();
  desk.heard();
  page.turn(true);
  await model.read();
  await passed(10 * POLL_MS);
  expect(desk.heard()).toEqual([]);
  page.turn(false);
  await passed(0);
  expect(desk.heard()).toEqual(['balance']);
});

it('keeps the last figures while the server is away, and says since when', async () => {
  await model.read();
  desk.answer = away;
  await passed(POLL_MS);
  expect(model.state.balance).toEqual(balance());
  expect(model.state.trouble).toEqual({ kind: 'away', message: 'Failed to fetch' });
  desk.answer = () => Promise.resolve(balance({ open: { words: '3 calls' } }));
  await passed(1_000);
  expect(model.state.trouble).toBeNull();
  expect(model.state.balance?.open.words).toBe('3 calls');
});

it('tries ever less often while the server is away, but never less than without trouble', async () => {
  desk.answer = away;
  const begun = Date.now();
  const tries: number[] = [];
  const ask = desk.balance;
  desk.balance = () => {
    tries.push((Date.now() - begun) / 1000);
    return ask();
  };
  await model.read();
  await passed(4 * POLL_MS);
  expect(tries).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183]);
});

it('looks often for a while after the server came back', async () => {
  await model.read();
  desk.answer = away;
  await passed(POLL_MS);
  desk.answer = () => Promise.resolve(balance());
  desk.heard();
  await passed(8_000);
  expect(desk.heard()).toEqual(Array(4).fill('balance'));
});

it('waits for the person where the server extension is missing', async () => {
  desk.answer = () => Promise.reject(new WireError('missing', '404'));
  await model.read();
  await passed(10 * POLL_MS);
  expect(desk.heard()).toEqual(['balance']);
  expect(model.state.trouble?.kind).toBe('missing');
  desk.answer = () => Promise.resolve(balance());
  await model.refresh();
  expect(model.state.trouble).toBeNull();
});

it('asks for the details only while somebody looks', async () => {
  model.setNotebook('a.ipynb');
  await model.read();
  expect(desk.heard()).toEqual(['balance']);
  model.setDetailed(true);
  await passed(0);
  expect(desk.heard()).toEqual(['balance', 'month', 'spend a.ipynb']);
  expect(model.state.month).toEqual(month());
  expect(model.state.spend).toEqual(spend());
  model.setDetailed(false);
  await model.read();
  expect(desk.heard()).toEqual(['balance']);
});

it('reads the details again when the kernel stands otherwise, while somebody looks', async () => {
  model.setNotebook('a.ipynb');
  footing = { model: 'gpt-5.2', bounds: [{}] };
  await model.follow();
  expect(desk.heard()).toEqual([]);
  model.setDetailed(true);
  await passed(0);
  expect(desk.heard()).toEqual(['balance', 'month', 'spend a.ipynb gpt-5.2']);
  await model.follow();
  expect(desk.heard()).toEqual([]);
  footing = null;
  await model.follow();
  expect(desk.heard()).toEqual(['month', 'spend a.ipynb']);
});

it('asks for no details where there is no ledger', async () => {
  desk.answer = () => Promise.resolve(balance({ state: 'no-ledger', meters: [] }));
  model.setNotebook('a.ipynb');
  model.setDetailed(true);
  await passed(0);
  expect(desk.heard()).toEqual(['balance']);
});

it('asks for the balance at once while details are on their way', async () => {
  model.setDetailed(true);
  desk.monthAnswer = () => new Promise(() => {});
  await passed(0);
  desk.heard();
  void model.read();
  expect(desk.heard()).toEqual(['balance']);
  await passed(0);
});

it("shows another notebook's figures only when they have come", async () => {
  model.setDetailed(true);
  await passed(0);
  model.setNotebook('a.ipynb');
  await passed(0);
  let end: (answer: Spend) => void = () => {};
  desk.spendAnswer = () => new Promise(resolve => (end = resolve));
  model.setNotebook('b.ipynb');
  expect(model.state.spend).toBeNull();
  await passed(0);
  const late = end;
  model.setNotebook('c.ipynb');
  late(spend({ path: 'b.ipynb' }));
  await passed(0);
  expect(model.state.spend).toBeNull();
  end(spend({ path: 'c.ipynb' }));
  await passed(0);
  expect(model.state.spend?.path).toBe('c.ipynb');
  model.setNotebook(null);
  await passed(0);
  expect(model.state.spend).toBeNull();
  expect(model.state.month).not.toBeNull();
});

it('keeps the balance when the details fail, and says so', async () => {
  desk.monthAnswer = () => Promise.reject(new WireError('refused', 'The ledger is locked.'));
  model.setDetailed(true);
  await passed(0);
  expect(model.state.trouble).toBeNull();
  expect(model.state.detailTrouble).toBe('The ledger is locked.');
  desk.monthAnswer = () => Promise.resolve(month());
  await model.read();
  expect(model.state.detailTrouble).toBeNull();
});

it('compares with the service once at a time and keeps what was found', async () => {
  desk.answer = () => Promise.resolve(balance({ note: 'agrees with the service' }));
  const seen: boolean[] = [];
  model.changed.connect(({ state }) => seen.push(state.refreshing));
  await Promise.all([model.refresh(), model.refresh()]);
  expect(desk.heard()).toEqual(['refresh']);
  expect(seen).toEqual([true, true, false]);
  expect(model.state.note).toBe('agrees with the service');
});

it('keeps what a comparison found when its booking is read before it answers', async () => {
  let compared: (answer: Balance) => void = () => {};
  desk.answer = () => new Promise(resolve => (compared = resolve));
  const refreshing = model.refresh();
  desk.answer = () => Promise.resolve(balance({ meters: [meter({ left: '9 left' })] }));
  await model.read(); // the booking's own hint
  compared(balance({ note: '1,000 inference tokens booked from other devices.' }));
  await refreshing;
  expect(model.state.note).toBe('1,000 inference tokens booked from other devices.');
  expect(model.state.balance?.meters[0]?.left).toBe('9 left');
});

it('says why a comparison failed', async () => {
  await model.read();
  desk.answer = () => Promise.reject(new WireError('refused', 'The key was refused.'));
  await model.refresh();
  expect(model.state.refreshing).toBe(false);
  expect(model.state.note).toBeNull();
  expect(model.state.trouble?.message).toBe('The key was refused.');
});

it('ends an endpoint, and says why it could not', async () => {
  await model.stop('ab12');
  expect(desk.heard()).toEqual(['stop ab12']);
  expect(model.state.note).toBeNull();
  desk.stopAnswer = () => Promise.reject(new WireError('away', 'Failed to fetch'));
  await model.stop('ab12');
  expect(model.state.note).toBe('The endpoint was not stopped: Failed to fetch');
});

it('never lets an older answer replace a newer one', async () => {
  let old: (answer: Balance) => void = () => {};
  desk.answer = () => new Promise(resolve => (old = resolve));
  const reading = model.read();
  desk.answer = () => Promise.resolve(balance({ open: { words: '2 calls' } }));
  await model.refresh();
  old(balance({ open: { words: '1 calls' } }));
  await reading;
  expect(model.state.balance?.open.words).toBe('2 calls');
});

it('asks nothing any more once it is disposed', async () => {
  await model.read();
  model.dispose();
  await model.read();
  page.turn(false);
  await passed(10 * POLL_MS);
  expect(desk.heard()).toEqual(['balance']);
});
