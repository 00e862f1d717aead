/** The kernel behind a prompt, and what it alone can count: variables, earlier exchanges, a file. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Kernel } from '@jupyterlab/services';
import type { Widget } from '@lumino/widgets';

import type { Counted } from '../wire';

const TARGET = 'asksage_jupyter.count';
const GONE = ['dead', 'restarting', 'autorestarting', 'terminating', 'unknown'];
const UNLOADED = 'Run %load_ext asksage_jupyter first: the kernel counts it.';
const NONE = 'There is no kernel that could count it.';

/** Where an editor stands. */
export interface IPlace {
  /** Its notebook's path from the server's root; null elsewhere. */
  readonly path: string | null;
  readonly kernel: Kernel.IKernelConnection | null;
}

interface ISession {
  readonly session: { readonly kernel: Kernel.IKernelConnection | null } | null;
}

/** A notebook or a console, by what it can do: their packages would bring all editors along. */
interface IHost extends Widget {
  readonly context?: {
    readonly path: string;
    readonly localPath?: string;
    readonly sessionContext?: ISession;
  };
  readonly console?: { readonly sessionContext?: ISession };
}

/** Where a node of the page stands. */
export function placeOf(shell: JupyterFrontEnd.IShell, node: Node): IPlace {
  for (const widget of shell.widgets('main')) {
    if (widget.node.contains(node)) {
      const { context, console } = widget as IHost;
      const { session } = context?.sessionContext ?? console?.sessionContext ?? { session: null };
      const path = context ? (context.localPath ?? context.path) : null;
      return { path, kernel: session?.kernel ?? null };
    }
  }
  return { path: null, kernel: null };
}

/**
 * What a kernel counts of a cell, beside whatever it runs; no code of the person's is run.
 *
 * It is rejected with a line for the person.
 */
export async function count(
  kernel: Kernel.IKernelConnection | null,
  source: string
): Promise<Counted> {
  if (!kernel || GONE.includes(kernel.status)) {
    throw new Error(NONE);
  }
  const comm = kernel.createComm(TARGET);
  // An older kernel has no thread for it, and answers after the cell that runs.
  await kernel.info;
  if (kernel.supportsSubshells) {
    await (comm as { readonly subshellStarted?: Promise<void> }).subshellStarted;
  }
  return new Promise((resolve, reject) => {
    const watch = (_: unknown, status: string) => {
      if (GONE.includes(status)) {
        end(() => reject(new Error(NONE)));
      }
    };
    const end = (then: () => void) => {
      kernel.statusChanged.disconnect(watch);
      then();
    };
    comm.onMsg = ({ content: { data } }) => {
      const { counted, refused } = data as { counted?: Counted; refused?: string };
      end(() => (counted ? resolve(counted) : reject(new Error(refused))));
    };
    comm.onClose = () => end(() => reject(new Error(UNLOADED))); // nobody there who hears of it
    kernel.statusChanged.connect(watch);
    comm.open({ source });
  });
}

/** Call back once, when a kernel runs a cell or begins anew: what it counted may be another then. */
export function onRun(kernel: Kernel.IKernelConnection, then: () => void): () => void {
  const stop = () => {
    kernel.iopubMessage.disconnect(hear);
    kernel.statusChanged.disconnect(watch);
  };
  const end = () => {
    stop();
    then();
  };
  const hear = (_: unknown, { header }: { header: { msg_type: string } }) =>
    header.msg_type === 'execute_input' && end();
  const watch = (_: unknown, status: string) => GONE.includes(status) && end();
  kernel.iopubMessage.connect(hear);
  kernel.statusChanged.connect(watch);
  return stop;
}
