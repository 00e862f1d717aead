import { Coalesced } from '../src/coalesced';

/** A job whose runs end when the test says so. */
function job() {
  const ends: (() => void)[] = [];
  const coalesced = new Coalesced(() => new Promise<void>(resolve => ends.push(resolve)));
  return { coalesced, ends };
}

const turn = () => new Promise(resolve => setTimeout(resolve));

it('runs at once, and once more for all that was asked meanwhile', async () => {
  const { coalesced, ends } = job();
  const first = coalesced.run();
  expect(ends).toHaveLength(1);
  const others = [coalesced.run(), coalesced.run(), coalesced.run()];
  ends[0]?.();
  await first;
  await turn();
  expect(ends).toHaveLength(2);
  ends[1]?.();
  await Promise.all(others);
  await turn();
  expect(ends).toHaveLength(2);
});

it('runs at once again when all is done', async () => {
  const { coalesced, ends } = job();
  const first = coalesced.run();
  ends[0]?.();
  await first;
  const second = coalesced.run();
  expect(ends).toHaveLength(2);
  ends[1]?.();
  await second;
});

it('tells a failure to the one who asked, and runs again', async () => {
  let runs = 0;
  const coalesced = new Coalesced(() => {
    runs += 1;
    return runs === 1 ? Promise.reject(new Error('no')) : Promise.resolve();
  });
  const first = coalesced.run();
  const second = coalesced.run();
  await expect(first).rejects.toThrow('no');
  await expect(second).resolves.toBeUndefined();
  expect(runs).toBe(2);
});
