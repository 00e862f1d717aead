/** The sidebar's page as a person finds it in each state. */
import { nullTranslator } from '@jupyterlab/translation';
import React, { act } from 'react';
import { createRoot, type Root } from 'react-dom/client';

import { Format } from '../src/format';
import { type IState, NOTHING } from '../src/model';
import type { OpenNotebook } from '../src/notebook';
import { type IActions, Panel } from '../src/panel';
import type { Access } from '../src/wire';
import { balance, left, meter, month, shared, spend } from './fixtures';

const format = new Format(nullTranslator.load('asksage_jupyter'), 'en-US');
const nobody = { account: null, period: null, meters: [] };
const full: IState = {
  ...NOTHING,
  balance: balance(),
  readAt: new Date(),
  month: month(),
  notebook: 'a.ipynb',
  spend: spend()
};

// The real module needs a real browser, and is large.
jest.mock('@jupyterlab/ui-components', () => ({ refreshIcon: { react: () => null } }));

let host: HTMLElement;
let root: Root;
let done: string[];

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  host = document.body.appendChild(document.createElement('div'));
  root = createRoot(host);
  done = [];
});

afterEach(() => {
  act(() => {
    root.unmount();
  });
  host.remove();
});

/** A notebook whose only cell that is still there is `c2`. */
function notebook(path: string | null = 'a.ipynb'): OpenNotebook {
  const label = (id: string) => (id === 'c2' ? { place: 2, text: 'Name one sea.' } : null);
  const show = (id: string) => done.push(`show ${id}`);
  return { path, label, show } as unknown as OpenNotebook;
}

function show(state: IState, open = notebook()): void {
  const actions: IActions = {
    notebook: open,
    refresh: () => done.push('refresh'),
    insertCell: () => done.push('insert')
  };
  act(() => {
    root.render(<Panel state={state} format={format} actions={actions} />);
  });
}

/** The part of this name. */
function part(name: string): HTMLElement {
  const found = host.querySelector<HTMLElement>(`[data-asksage="${name}"]`);
  if (!found) {
    throw new Error(`no ${name} in ${host.innerHTML}`);
  }
  return found;
}

const names = () =>
  [...host.querySelectorAll('[data-asksage]')].map(found => found.getAttribute('data-asksage'));
const press = (button: Element | null) => act(() => (button as HTMLElement).click());

describe('with figures', () => {
  beforeEach(() => show(full));

  it('tells each meter, what is left, its bar and its pace', () => {
    expect(part('remaining-inference').textContent).toBe('163,204');
    expect(part('remaining-training').textContent).toBe('200,000');
    const bar = part('meter-inference').querySelector('[role=progressbar]');
    expect(bar?.getAttribute('aria-valuetext')).toBe(
      '35,596 used, 1,200 held, 163,204 left of 200,000'
    );
    expect(bar?.getAttribute('aria-valuenow')).toBe('36796');
    expect(part('pace-inference').textContent).toContain('Lasts until the reset');
    expect(part('source-inference').textContent).toBe('Source: the service');
  });

  it('says whose tokens they are, when they come anew and how old the figures are', () => {
    expect(part('account').textContent).toBe('jane@agency.govapi.asksage.ai');
    expect(part('reset').textContent).toBe('Resets 1 Dec, 8 days left');
    expect(part('age').textContent).toBe('Checked 2 min ago');
  });

  it('draws the month, and tells it to those who do not see it', () => {
    const picture = part('month').querySelector('[role=img]');
    expect(picture?.getAttribute('aria-label')).toBe(
      'Inference tokens used each day: 10,200 in all, most on 3 Nov (9,000).'
    );
    expect(picture?.querySelectorAll('rect')).toHaveLength(4);
    const rows = [...part('month').querySelectorAll('tbody tr')].map(row => row.textContent);
    expect(rows).toEqual(['1 Nov1,200', '3 Nov9,000']);
    expect(part('month').querySelector('figcaption')?.textContent).toBe(
      'Evenly spent: 50,000 a day'
    );
  });

  it('leads to the dearest cells, and says which are gone', () => {
    const rows = part('notebook').querySelectorAll('li');
    expect([...rows].map(row => row.textContent)).toEqual([
      'Cell 2 · Name one sea.6,100',
      'No longer in this notebook2,100'
    ]);
    press(rows[0]?.querySelector('button') ?? null);
    expect(done).toEqual(['show c2']);
    expect(rows[1]?.querySelector('button')).toBeNull();
  });

  it('lists the last calls with what is out of the ordinary', () => {
    const row = part('calls').querySelector('li')?.textContent;
    expect(row).toMatch(/^google-claude-45-haiku1,204.*presumed · reply lost$/);
  });

  it('refreshes, and says what was found', () => {
    press(part('refresh'));
    expect(done).toEqual(['refresh']);
    show({ ...full, refreshing: true });
    expect(part('refresh').getAttribute('aria-disabled')).toBe('true');
    show({ ...full, note: 'agrees with the service' });
    expect(part('note').textContent).toBe('Agrees with the service');
  });

  it('keeps its elements, and with them focus and place, when figures change', () => {
    const button = part('refresh');
    const figure = part('remaining-inference');
    button.focus();
    show({ ...full, balance: balance({ meters: [left(9_000)] }) });
    expect(part('remaining-inference')).toBe(figure);
    expect(figure.textContent).toBe('9,000');
    expect(document.activeElement).toBe(button);
  });
});

it('marks what runs short in words', () => {
  show({ ...full, balance: balance({ meters: [left(-1_200)] }) });
  expect(part('meter-inference').querySelector('h3')?.textContent).toBe('Inferenceover');
  expect(part('remaining-inference').parentElement?.textContent).toBe('1,200 over 200,000');
});

describe('to a member of a pool', () => {
  const member = (given: ReturnType<typeof meter>) =>
    show({ ...full, balance: balance({ meters: [given] }) });
  const bar = (name: string) => part(name).querySelector('[role=progressbar]');

  it('tells the cap, and below it what the pool has and who holds it', () => {
    member(shared());
    expect(part('remaining-inference').parentElement?.textContent).toBe('18,200 left of 20,000');
    expect(bar('meter-inference')?.getAttribute('aria-valuetext')).toBe(
      '1,300 used, 500 held, 18,200 left of 20,000'
    );
    expect(part('pool-inference').querySelector('h4')?.textContent).toBe('Pool lab');
    expect(part('remaining-pool-inference').parentElement?.textContent).toBe(
      '61,000 left of 100,000'
    );
    const legend = [...part('pool-inference').querySelectorAll('li')].map(row => row.textContent);
    expect(legend).toEqual([
      '26,500 used',
      '500 held by you',
      '12,000 held by 3 open calls of others'
    ]);
    expect(bar('pool-inference')?.getAttribute('aria-label')).toBe(
      'Inference tokens of the pool lab'
    );
  });

  it('marks which of the two runs short', () => {
    member(shared({ remaining: 9_000 }));
    expect(part('meter-inference').querySelector('h3')?.textContent).toBe('Inference');
    expect(part('pool-inference').querySelector('h4')?.textContent).toBe('Pool labvery low');
  });

  it('tells the pool alone where it is the only limit, and what was used of it', () => {
    member(shared({ capped: false }));
    expect(names()).not.toContain('remaining-inference');
    expect(part('remaining-pool-inference').textContent).toBe('61,000');
    expect(part('own-inference').textContent).toBe('You used 1,300 of it.');
  });

  it('sends nobody to set a plan that only the owner of the pool can tell', () => {
    member(shared({ capped: false, granted: null, remaining: null }));
    expect(part('remaining-pool-inference').parentElement?.textContent).toBe(
      '26,500 used, allotment not known'
    );
    expect(part('source-inference').textContent).toContain("The pool's owner");
  });
});

it('marks the local demo', () => {
  const account = { holder: 'demo', host: '127.0.0.1', demo: true, title: 'Local demo' };
  show({ ...full, balance: balance({ account }) });
  expect(part('account').textContent).toBe('Local demo, not Ask Sage tokens');
});

it('says how to tell an allotment that is not known', () => {
  const unknown = meter({ granted: null, remaining: null, used: 63, held: 0, pace: null });
  show({ ...full, balance: balance({ state: 'unknown', meters: [unknown] }) });
  expect(part('meter-inference').textContent).toContain('63 used, allotment not known');
  expect(part('meter-inference').textContent).toContain('asksage_jupyter.set_plan(inference=...)');
  expect(part('meter-inference').querySelector('[role=progressbar]')).toBeNull();
});

it('shows where figures will be while it reads', () => {
  show(NOTHING);
  expect(part('loading').getAttribute('aria-busy')).toBe('true');
});

it('helps to a first cell where there is no ledger', () => {
  show({ ...NOTHING, balance: balance({ state: 'no-ledger', ...nobody }) });
  const button = part('no-ledger').querySelector('button');
  expect(button?.textContent).toBe('Insert an %%asksage cell');
  press(button);
  expect(done).toEqual(['insert']);
  show({ ...NOTHING, balance: balance({ state: 'no-ledger', ...nobody }) }, notebook(null));
  expect(part('no-ledger').textContent).toContain('Open a notebook first.');
});

it('says why the ledger cannot be read, and tries again', () => {
  const trouble = 'The ledger was written by a newer asksage_jupyter: upgrade this one.';
  show({ ...NOTHING, balance: balance({ state: 'trouble', trouble, ...nobody }) });
  expect(part('trouble').textContent).toContain(trouble);
  press(part('trouble').querySelector('button'));
  expect(done).toEqual(['refresh']);
});

it('keeps old figures and says since when they are old', () => {
  const readAt = new Date();
  show({ ...full, readAt, trouble: { kind: 'away', message: 'Failed to fetch' } });
  expect(part('stale').textContent).toMatch(
    /^Not up to date since \d\d:\d\d: the server is away\./
  );
  expect(part('remaining-inference').textContent).toBe('163,204');
});

it('says that nothing could be read at all', () => {
  show({ ...NOTHING, trouble: { kind: 'refused', message: 'Forbidden' } });
  expect(part('stale').textContent).toContain('The balance cannot be read: Forbidden.');
});

it('says what to do where the server extension is missing', () => {
  show({ ...NOTHING, trouble: { kind: 'missing', message: '' } });
  expect(part('missing').textContent).toContain('jupyter server extension enable asksage_jupyter');
  expect(names()).not.toContain('loading');
});

it('has a helpful line in each empty section', () => {
  const nothing = month({ days: [{ date: '2026-11-01', used: 0 }], calls: [] });
  show({ ...full, month: nothing, spend: spend({ tokens: 0, calls: 0, cells: [] }) });
  expect(part('month').textContent).toContain('No inference tokens were used this month yet.');
  expect(part('notebook').textContent).toContain('No call was sent from this notebook this month.');
  expect(part('calls').textContent).toContain('No call was sent this month yet.');
  show({ ...full, notebook: null, spend: null }, notebook(null));
  expect(part('notebook').textContent).toContain('Open a notebook to see what its cells used.');
});

it('lists the calls without a bill as open, wherever calls are told', () => {
  const opened = { calls: 3, tokens: 338 };
  const held = month().calls.map(call => ({
    ...call,
    tokens: 113,
    source: 'held',
    status: 'open'
  }));
  show({
    ...full,
    balance: balance({ open: opened }),
    month: month({ calls: held }),
    spend: spend({ tokens: 0, calls: 0, cells: [], open: { calls: 1, tokens: 113 } })
  });
  expect(part('open').textContent).toBe('3 calls without a bill yet, 338 held');
  expect(part('notebook').textContent).toContain('1 call without a bill yet, 113 held');
  expect(part('notebook').textContent).not.toContain('No call');
  expect(part('calls').textContent).toContain('113');
  expect(part('calls').textContent).toContain('held, no bill yet');
});

describe('before first contact', () => {
  const unknown = meter({ granted: null, remaining: null, spendable: null, used: 0, held: 0 });
  const before = (state: Access['state'], words = '') =>
    balance({ state: 'unknown', meters: [unknown], access: { state, words } });

  it.each([
    ['no-key', 'No key', '%asksage login'],
    ['bad-key', 'Key not accepted', 'check ASKSAGE_API_KEY'],
    ['not-reached', 'Not reached', 'check ASKSAGE_API_KEY'],
    ['asking', 'Asking Ask Sage …', 'check ASKSAGE_API_KEY']
  ] as const)('tells that it is %s instead of asking for a plan', (state, title, words) => {
    show({ ...full, balance: before(state, 'check ASKSAGE_API_KEY') });
    const notice = host.querySelector(`[data-asksage="${state}"]`);
    expect(notice?.querySelector('h3')?.textContent).toBe(title);
    expect(notice?.textContent).toContain(words);
    expect(host.textContent).not.toContain('set_plan');
    expect(notice?.querySelector('button') === null).toBe(state === 'asking');
  });

  it('keeps the figures that there are', () => {
    const used = meter({ ...unknown, used: 5 });
    show({ ...full, balance: { ...before('bad-key'), meters: [used] } });
    expect(host.querySelector('[data-asksage="meter-inference"]')).not.toBeNull();
    expect(host.textContent).not.toContain('set_plan');
  });
});

it('has a quiet line for tokens that were asked for', () => {
  show({ ...full, balance: balance({ meters: [meter({ asked_for: 50_000 })] }) });
  expect(part('asked-inference').textContent).toBe('50,000 asked for, pending');
  show(full);
  expect(names()).not.toContain('asked-inference');
});
