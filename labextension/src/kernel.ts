/** The kernel behind a notebook: how it stands, and what it alone can count: variables, earlier exchanges, a file. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { PromiseDelegate } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

import type { Counted, Footing } from './wire';

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
  const { counted, refused } = await ask(kernel, { source });
  if (!counted) {
    throw new Error(refused);
  }
  return counted;
}

/** How kernels stand, each asked again after it ran a cell, for a line may bound what follows it. */
export class Footings {
  /** Emitted when a kernel told, and when it is to be asked again. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** How a kernel stands, as it told last; null before it told, which this asks for. */
  of(kernel: Kernel.IKernelConnection | null): Footing | null {
    if (!kernel || GONE.includes(kernel.status)) {
      return null;
    }
    const known = this.known.get(kernel);
    if (!known?.isFresh) {
      const now = { footing: known?.footing ?? null, isFresh: true };
      this.known.set(kernel, now);
      void this.ask(kernel, now);
    }
    return known?.footing ?? null;
  }

  private async ask(kernel: Kernel.IKernelConnection, now: IKnown): Promise<void> {
    onRun(kernel, 'end', () => {
      now.isFresh = false;
      if (GONE.includes(kernel.status)) {
        this.known.delete(kernel);
      }
      this._changed.emit();
    });
    // Where the magics are not loaded, nothing was said.
    const told = async (): Promise<IAnswer> => ((await isLoaded(kernel)) ? ask(kernel, {}) : {});
    const { footing } = await told().catch((): IAnswer => ({}));
    if (now.isFresh) {
      now.footing = footing ?? null;
      this._changed.emit();
    }
  }

  private readonly known = new WeakMap<Kernel.IKernelConnection, IKnown>();
  private readonly _changed = new Signal<this, void>(this);
}

/** Those that sidebar and prompts share, so that no kernel is asked twice. */
export const footings = new Footings();

interface IKnown {
  footing: Footing | null;
  /** Whether no cell was run since the kernel was asked. */
  isFresh: boolean;
}

/** What the magics in a kernel answer. */
interface IAnswer {
  readonly counted?: Counted;
  readonly footing?: Footing;
  /** Why it does not, in a line for the person. */
  readonly refused?: string;
}

/** Whether the magics left their sign among the kernel's comms; one that is opened to nobody is logged there. */
async function isLoaded(kernel: Kernel.IKernelConnection): Promise<boolean> {
  const { content } = await kernel.requestCommInfo({ target_name: TARGET });
  return content.status === 'ok' && Object.keys(content.comms).length > 0;
}

/** When the last question to each kernel is over. */
const last = new WeakMap<Kernel.IKernelConnection, Promise<void>>();
/** One that was lost keeps the next ones waiting for no longer. */
const LOST_MS = 10_000;

function later(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

/**
 * One question after the other: comms of one target share a subshell, which JupyterLab deletes with the last
 * of them, also from under one that is just beginning.
 */
async function ask(
  kernel: Kernel.IKernelConnection | null,
  question: { readonly source?: string }
): Promise<IAnswer> {
  if (!kernel || GONE.includes(kernel.status)) {
    throw new Error(NONE);
  }
  const before = last.get(kernel);
  const over = new PromiseDelegate<void>();
  last.set(kernel, over.promise);
  if (before) {
    await Promise.race([before, later(LOST_MS)]);
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
    comm.onMsg = ({ content: { data } }) => end(() => resolve(data));
    comm.onClose = () => {
      end(() => reject(new Error(UNLOADED))); // nobody there who hears of it
      void later(0).then(() => over.resolve()); // JupyterLab lets go of the comm after it has told of it
    };
    kernel.statusChanged.connect(watch);
    comm.open(question);
  });
}

/**
 * Call back once, when a kernel begins to run a cell or has run it, or begins anew: what it told may be
 * untrue then.
 */
export function onRun(
  kernel: Kernel.IKernelConnection,
  at: 'begin' | 'end',
  then: () => void
): () => void {
  const stop = () => {
    kernel.iopubMessage.disconnect(hear);
    kernel.statusChanged.disconnect(watch);
  };
  const end = () => {
    stop();
    then();
  };
  const hear = (_: unknown, message: KernelMessage.IIOPubMessage) => {
    const isBegin = message.header.msg_type === 'execute_input';
    if (at === 'begin' ? isBegin : isEnd(message)) {
      end();
    }
  };
  const watch = (_: unknown, status: string) => GONE.includes(status) && end();
  kernel.iopubMessage.connect(hear);
  kernel.statusChanged.connect(watch);
  return stop;
}

/** Whether a kernel says that it has run what it was given, and has not merely answered another question. */
function isEnd({ content, header, parent_header: parent }: KernelMessage.IIOPubMessage): boolean {
  return (
    header.msg_type === 'status' &&
    (content as { execution_state?: string }).execution_state === 'idle' &&
    'msg_type' in parent &&
    parent.msg_type === 'execute_request'
  );
}
