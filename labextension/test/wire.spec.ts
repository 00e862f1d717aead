/**
 * The desk against a real HTTP server on this machine.
 *
 * @jest-environment node
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { ServerConnection } from '@jupyterlab/services';

import { Desk, WireError } from '../src/wire';
import { balance, gauge, meter, month, spend } from './fixtures';

let server: Server;
let answer: RequestListener;
let desk: Desk;
const asked: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    answer(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const baseUrl = `http://127.0.0.1:${port}/user/jane/`;
  desk = new Desk(ServerConnection.makeSettings({ baseUrl, init: {}, fetch, Request, Headers }));
});

beforeEach(() => asked.splice(0));

afterAll(async () => {
  server.closeAllConnections();
  await new Promise(resolve => server.close(resolve));
});

function says(body: unknown, status = 200): void {
  answer = (_, response) => {
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** How a question for the balance fails. */
async function failure(): Promise<Pick<WireError, 'kind' | 'message'>> {
  const error: unknown = await desk.balance().catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(WireError);
  const { kind, message } = error as WireError;
  return { kind, message };
}

it('asks for each thing under the base address, as a hub needs', async () => {
  says(balance());
  await desk.balance();
  await desk.refresh();
  says(month());
  await desk.month();
  says(spend());
  await desk.spend('folder & more/ä.ipynb', { model: '', bounds: [] });
  await desk.spend('a.ipynb', { model: '', bounds: [5] });
  says('# November');
  await desk.summary();
  await desk.stop('ab/12');
  expect(asked).toEqual([
    'GET /user/jane/asksage/balance',
    'POST /user/jane/asksage/refresh',
    'GET /user/jane/asksage/month',
    'GET /user/jane/asksage/notebook?path=folder%20%26%20more%2F%C3%A4.ipynb',
    'GET /user/jane/asksage/notebook?path=a.ipynb&footing=%7B%22model%22%3A%22%22%2C%22bounds%22%3A%5B5%5D%7D',
    'GET /user/jane/asksage/month?format=markdown',
    'DELETE /user/jane/asksage/endpoints/ab%2F12'
  ]);
});

it('reads what was agreed on and leaves out what it does not know', async () => {
  says({ ...balance(), of_a_newer_server: 1 });
  expect(await desk.balance()).toEqual(balance());
  says(month());
  expect(await desk.month()).toEqual(month());
  says(spend());
  expect(await desk.spend('a.ipynb', null)).toEqual(spend());
  says('# November');
  expect(await desk.summary()).toBe('# November');
});

it('takes a member that may be null as null when it is absent', async () => {
  const { note, ...others } = balance();
  expect(note).toBeNull();
  says(others);
  expect((await desk.balance()).note).toBeNull();
});

it.each([
  [{ ...balance(), state: 'great' }, 'asksage/balance: balance.state should be one of known'],
  [{ ...balance(), open: { words: 1 } }, 'asksage/balance: balance.open.words should be text'],
  [{ ...balance(), meters: {} }, 'asksage/balance: balance.meters should be a list'],
  [{ ...balance(), meters: [{}] }, 'asksage/balance: balance.meters[0].meter should be text'],
  [
    {
      ...balance(),
      meters: [
        { ...meter(), gauges: [{ ...gauge(), bar: [{ kind: 'used', share: '1', words: '' }] }] }
      ]
    },
    'asksage/balance: balance.meters[0].gauges[0].bar[0].share should be a number'
  ],
  [{ ...balance(), can_check: 'no' }, 'asksage/balance: balance.can_check should be true or false'],
  [[], 'asksage/balance: balance.state should be one of'],
  ['null', 'asksage/balance: balance should be an object'],
  ['<html>', 'asksage/balance: Unexpected token']
])('refuses %j and names the place', async (body, words) => {
  says(body);
  const { kind, message } = await failure();
  expect(kind).toBe('refused');
  expect(message).toContain(words);
});

it.each([
  [404, 'missing'],
  [403, 'refused'],
  [500, 'refused'],
  [502, 'away'],
  [503, 'away'],
  [504, 'away']
])('takes HTTP %d as %s', async (status, kind) => {
  says('<html>a page</html>', status);
  expect((await failure()).kind).toBe(kind);
});

it('does not take a server for away that says why it cannot answer', async () => {
  says({ message: 'The server is busy with the ledger: try again.' }, 503);
  expect((await failure()).kind).toBe('refused');
});

it('refuses a figure that is none', async () => {
  says({ ...month(), days: [{ date: '', day: '', used: 1.5, figure: '' }] });
  await expect(desk.month()).rejects.toThrow('month.days[0].used should be a whole number');
});

it('gives the words of the server', async () => {
  says({ message: 'The ledger is locked: try again.' }, 500);
  expect(await failure()).toEqual({ kind: 'refused', message: 'The ledger is locked: try again.' });
});

it('knows a server that hangs up', async () => {
  answer = request => request.socket.destroy();
  expect((await failure()).kind).toBe('away');
});
