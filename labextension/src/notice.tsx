import React from 'react';

import type { IState } from './model';
import { BEGIN, LOAD, PROMPT } from './notebook';
import type { IPartProps } from './part';
import type { Balance } from './wire';
import { Words } from './words';

/** What stands above or in place of the figures when they are not simply there. */
export function Notice({ state, actions }: IPartProps): React.JSX.Element | null {
  const { balance, trouble } = state;
  const { refresh } = actions;
  if (trouble?.kind === 'missing') {
    return <Missing refresh={refresh} />;
  }
  if (trouble) {
    return (
      <Box name="stale" refresh={refresh}>
        <p>{staleWords(state)}</p>
      </Box>
    );
  }
  if (!balance) {
    return <Loading />;
  }
  if (balance.state === 'trouble') {
    return (
      <Box name="trouble" refresh={refresh}>
        <p>
          <Words>{balance.trouble ?? ''}</Words>
        </p>
      </Box>
    );
  }
  if (balance.access) {
    return <Between access={balance.access} refresh={refresh} />;
  }
  return balance.state === 'no-ledger' ? <FirstCell actions={actions} /> : null;
}

function staleWords({ balance, trouble }: IState): string {
  const why = trouble?.kind === 'away' ? 'the server is away' : trouble?.message;
  return balance
    ? `Not up to date since ${balance.at}: ${why}.`
    : `The balance cannot be read: ${why}.`;
}

interface IBoxProps {
  readonly name: string;
  readonly isBusy?: boolean;
  /** What "Try again" does; nothing can be tried without it. */
  readonly refresh?: (() => void) | undefined;
}

function Box(props: React.PropsWithChildren<IBoxProps>): React.JSX.Element {
  const { name, isBusy, refresh, children } = props;
  return (
    <div className="jp-asksage-notice" data-asksage={name} aria-busy={isBusy}>
      {children}
      {refresh && (
        <button type="button" className="jp-mod-styled" onClick={refresh}>
          Try again
        </button>
      )}
    </div>
  );
}

interface IBetweenProps {
  readonly access: NonNullable<Balance['access']>;
  readonly refresh: () => void;
}

/** What stands between the account and Ask Sage, and what to do. */
function Between({ access, refresh }: IBetweenProps): React.JSX.Element {
  const { state, title, words } = access;
  const isBusy = state === 'asking';
  return (
    <Box name={state} isBusy={isBusy} refresh={isBusy ? undefined : refresh}>
      <h3>{title}</h3>
      {state === 'no-key' ? (
        <>
          <p>In a notebook, run:</p>
          <pre tabIndex={0}>{`${LOAD}\n%asksage login`}</pre>
        </>
      ) : (
        <p>
          <Words>{words}</Words>
        </p>
      )}
    </Box>
  );
}

function Missing({ refresh }: { readonly refresh: () => void }): React.JSX.Element {
  return (
    <Box name="missing" refresh={refresh}>
      <p>This sidebar needs asksage_jupyter on the Jupyter server. There, run:</p>
      <pre tabIndex={0}>jupyter server extension enable asksage_jupyter</pre>
      <p>Then restart the server.</p>
    </Box>
  );
}

function FirstCell({ actions }: Pick<IPartProps, 'actions'>): React.JSX.Element {
  return (
    <Box name="no-ledger">
      <h3>No calls yet</h3>
      <p>Send a first cell; what it used will be told here.</p>
      <pre tabIndex={0}>{BEGIN}</pre>
      <pre tabIndex={0}>{`${PROMPT}Why is the sky blue?`}</pre>
      {actions.notebook.path !== null ? (
        <button type="button" className="jp-mod-styled jp-mod-accept" onClick={actions.insertCell}>
          Insert an %%asksage cell
        </button>
      ) : (
        <p className="jp-asksage-quiet">Open a notebook first.</p>
      )}
    </Box>
  );
}

/** The shape of what is to come. */
function Loading(): React.JSX.Element {
  return (
    <div className="jp-asksage-loading" data-asksage="loading" aria-busy="true">
      <p className="jp-asksage-unseen">Reading the balance …</p>
      <div aria-hidden="true" />
      <div aria-hidden="true" />
    </div>
  );
}
