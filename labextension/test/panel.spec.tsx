/** The sidebar's page as a person finds it in each state. */
import React, { act } from 'react';
import { createRoot, type Root } from 'react-dom/client';

import { type IState, NOTHING, statusLine } from '../src/model';
import type { OpenNotebook } from '../src/notebook';
import { Panel } from '../src/panel';
import type { IActions } from '../src/part';
import { balance, gauge, meter, month, pool, short, spend } from './fixtures';

const nobody = { account: null, reset: '', age: '', meters: [] };
const full: IState = {
  ...NOTHING,
  balance: balance(),
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
    insertCell: () => done.push('insert'),
    stop: endpoint => done.push(`stop ${endpoint}`),
    showCell: (path, cell) => done.push(`open ${path} at ${cell}`)
  };
  act(() => {
    root.render(<Panel state={state} actions={actions} />);
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
      '35,596 used, 1,200 held, 163,204 of 200,000 left'
    );
    expect(bar?.getAttribute('aria-valuenow')).toBe('18');
    expect(part('pace-inference').textContent).toContain('Lasts until the reset');
  });

  it('says whose tokens they are, when they come anew and how old the figures are', () => {
    expect(part('account').textContent).toBe('jane@agency.govapi.asksage.ai');
    expect(part('reset').textContent).toBe('Resets 1 Dec 2026 · 8 days left');
    expect(part('age').textContent).toBe('Checked 14:02 UTC (2 min ago)');
    expect(part('age').title).toBe('Figures from the service');
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
      'Even: 66,666 a working day'
    );
    // On the three working days, and below the top, where bars may stand above it.
    expect(picture?.querySelector('path')?.getAttribute('d')).toMatch(
      /^M1,5\.8\d*h1M2,5\.8\d*h1M3,5\.8\d*h1$/
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
    const [row, upload] = part('calls').querySelectorAll('li');
    // The open notebook knows its cells better than its file.
    expect(row?.textContent).toMatch(/^Cell 2 · Name one sea\.1,204google.*presumed · reply lost$/);
    expect(upload?.textContent).toBe('Upload to notes81213:50 · 8 pieces');
    press(row?.querySelector('button') ?? null);
    expect(done).toEqual(['open a.ipynb at c2']);
    expect(upload?.querySelector('button')).toBeNull();
  });

  it('names the cell of a call as it was saved, where another notebook is open', () => {
    show(full, notebook('b.ipynb'));
    expect(part('calls').querySelector('li')?.textContent).toMatch(
      /^Cell 1 · Name one sea1,204a\.ipynb · google/
    );
  });

  it('tells of an endpoint for other code, and ends it', () => {
    expect(names()).not.toContain('endpoints');
    const url = 'http://127.0.0.1:41239/v1';
    const running = { name: 'ab12', url, words: '12 calls, 756 tokens' };
    show({ ...full, balance: balance({ endpoints: [running] }) });
    expect(part('endpoints').textContent).toBe(`For other code${url}${running.words}Stop`);
    const button = part('endpoints').querySelector('button');
    expect(button?.getAttribute('aria-label')).toBe(`Stop the endpoint ${url}`);
    press(button);
    expect(done).toEqual(['stop ab12']);
  });

  it('refreshes, and says what was found', () => {
    press(part('refresh'));
    expect(done).toEqual(['refresh']);
    show({ ...full, refreshing: true });
    expect(part('refresh').getAttribute('aria-disabled')).toBe('true');
    show({ ...full, note: 'Agrees with the service' });
    expect(part('note').textContent).toBe('Agrees with the service');
  });

  it('keeps its elements, and with them focus and place, when figures change', () => {
    const button = part('refresh');
    const figure = part('remaining-inference');
    button.focus();
    show({
      ...full,
      balance: balance({ meters: [meter({ gauges: [gauge({ figure: '9,000' })] })] })
    });
    expect(part('remaining-inference')).toBe(figure);
    expect(figure.textContent).toBe('9,000');
    expect(document.activeElement).toBe(button);
  });
});

it('marks what runs short in words', () => {
  show({ ...full, balance: balance({ meters: [short('very low', '9 of 200,000 left')] }) });
  expect(part('meter-inference').querySelector('h3')?.textContent).toBe('Inferencevery low');
  expect(part('meter-inference').dataset['level']).toBe('very-low');
});

describe('to a member of a pool', () => {
  const member = (...gauges: ReturnType<typeof gauge>[]) =>
    show({ ...full, balance: balance({ meters: [meter({ gauges })] }) });

  it('tells the cap, and below it what the pool has and who holds it', () => {
    member(gauge(), pool({ level: 'very-low', step: 'very low' }));
    expect(part('remaining-inference').textContent).toBe('163,204');
    expect(part('meter-inference').querySelector('h3')?.textContent).toBe('Inference');
    expect(part('pool-inference').querySelector('h4')?.textContent).toBe('Pool labvery low');
    expect(part('remaining-pool-inference').parentElement?.textContent).toBe(
      '61,000 of 100,000 left'
    );
    const legend = [...part('pool-inference').querySelectorAll('li')].map(row => row.textContent);
    expect(legend).toEqual(['26,500 used', '12,000 held by 3 open calls of others']);
    const bar = part('pool-inference').querySelector('[role=progressbar]');
    expect(bar?.getAttribute('aria-label')).toBe('Inference tokens of the pool lab');
  });

  it('tells the pool alone where it is the only limit', () => {
    member(pool());
    expect(names()).not.toContain('remaining-inference');
    expect(part('remaining-pool-inference').textContent).toBe('61,000');
  });
});

it('marks the local demo', () => {
  const title = 'Local demo (not Ask Sage tokens)';
  const account = { holder: 'demo', host: '127.0.0.1', demo: true, title };
  show({ ...full, balance: balance({ account }) });
  expect(part('account').textContent).toBe(title);
});

it('has no bar where no allotment is known, and a line that says how to tell it', () => {
  const unknown = meter({
    gauges: [gauge({ figure: '63', against: 'used, allotment not known', bar: [] })],
    lines: [{ kind: 'advice', words: 'Tell it: asksage_jupyter.set_plan(inference=...)' }]
  });
  show({ ...full, balance: balance({ state: 'unknown', meters: [unknown] }) });
  expect(part('meter-inference').textContent).toContain('63 used, allotment not known');
  expect(part('advice-inference').textContent).toContain('set_plan(inference=...)');
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
  show({ ...full, trouble: { kind: 'away', message: 'Failed to fetch' } });
  expect(part('stale').textContent).toContain(
    'Not up to date since 23 Nov 14:04 UTC: the server is away.'
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
  const nothing = month({ words: '', calls: [] });
  show({ ...full, month: nothing, spend: spend({ words: '', cells: [] }) });
  expect(part('month').textContent).toContain('No inference tokens were used this month yet.');
  expect(part('notebook').textContent).toContain('No call was sent from this notebook this month.');
  expect(part('calls').textContent).toContain('No call was sent this month yet.');
  show({ ...full, notebook: null, spend: null }, notebook(null));
  expect(part('notebook').textContent).toContain('Open a notebook to see what its cells used.');
});

it('tells the calls without a bill, of the account and of the notebook', () => {
  show({
    ...full,
    balance: balance({ open: { words: '3 calls without a bill yet' } }),
    spend: spend({ words: '', cells: [], open: { words: '1 call without a bill yet' } })
  });
  expect(part('open').textContent).toBe('3 calls without a bill yet');
  expect(part('notebook-open').textContent).toBe('1 call without a bill yet');
  expect(part('notebook').textContent).not.toContain('No call');
});

describe('before first contact', () => {
  it.each([
    ['no-key', '%asksage login'],
    ['bad-key', 'check ASKSAGE_API_KEY'],
    ['not-reached', 'check ASKSAGE_API_KEY'],
    ['asking', 'check ASKSAGE_API_KEY']
  ])('tells that it is %s', (state, words) => {
    const access = { state, title: 'What it is', words: 'check ASKSAGE_API_KEY' };
    show({ ...full, balance: balance({ state: 'unknown', meters: [], access }) });
    const notice = part(state);
    expect(notice.querySelector('h3')?.textContent).toBe('What it is');
    expect(notice.textContent).toContain(words);
    expect(notice.querySelector('button') === null).toBe(state === 'asking');
    expect(names()).not.toContain('month');
  });
});

describe('the status item', () => {
  it('tells what is left or used, as the server says it', () => {
    expect(statusLine(full, 'remaining')).toBe('Ask Sage 163,204 left');
    expect(statusLine(full, 'used')).toBe('Ask Sage 35,596 used');
  });

  it('says since when it is old, or that there is nothing', () => {
    const trouble = { kind: 'away', message: 'Failed to fetch' } as const;
    expect(statusLine({ ...full, trouble }, 'remaining')).toBe(
      'Ask Sage 163,204 left at 23 Nov 14:04 UTC'
    );
    expect(statusLine(NOTHING, 'remaining')).toBe('Ask Sage');
    expect(statusLine({ ...NOTHING, trouble }, 'remaining')).toBe('Ask Sage: not available');
  });
});
