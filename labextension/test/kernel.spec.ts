import type { Kernel } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import { count, Footings } from '../src/kernel';

const settled = () => new Promise(resolve => setTimeout(resolve, 0));

/** A kernel whose magics are loaded or not, and what it was asked. */
function kernel(isLoaded: boolean) {
  const asked: string[] = [];
  const owner = {};
  const comm = {
    onMsg: null as ((message: object) => void) | null,
    onClose: null as (() => void) | null,
    open: () => {
      asked.push('comm');
      const footing = { model: 'gpt-5.2', bounds: [] };
      comm.onMsg?.({ content: { data: { footing, counted: { texts: {} } } } });
      setTimeout(() => {
        asked.push('closed');
        comm.onClose?.();
      });
    }
  };
  const connection = {
    status: 'idle',
    info: Promise.resolve(),
    supportsSubshells: false,
    createComm: () => comm,
    requestCommInfo: ({ target_name: target }: { target_name: string }) => {
      asked.push('info');
      const comms = isLoaded ? { sign: { target_name: target } } : {};
      return Promise.resolve({ content: { status: 'ok', comms } });
    },
    statusChanged: new Signal(owner),
    iopubMessage: new Signal(owner)
  };
  return { asked, connection: connection as unknown as Kernel.IKernelConnection };
}

it('asks a kernel how it stands where the magics are loaded', async () => {
  const { asked, connection } = kernel(true);
  const footings = new Footings();
  expect(footings.of(connection)).toBeNull();
  await new Promise<void>(resolve => footings.changed.connect(() => resolve()));
  expect(footings.of(connection)).toEqual({ model: 'gpt-5.2', bounds: [] });
  expect(asked).toEqual(['info', 'comm']);
});

it('asks a kernel one question after the other', async () => {
  const { asked, connection } = kernel(true);
  await Promise.all([count(connection, '{a}'), count(connection, '{b}')]);
  expect(asked).toEqual(['comm', 'closed', 'comm']);
});

it('opens no comm to a kernel without them, which would log it', async () => {
  const { asked, connection } = kernel(false);
  const footings = new Footings();
  footings.of(connection);
  await settled();
  expect(footings.of(connection)).toBeNull();
  expect(asked).toEqual(['info']);
});
