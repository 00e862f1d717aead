import React from 'react';

import type { Format } from './format';
import type { IState } from './model';
import type { IPartProps } from './panel';
import type { Access } from './wire';

/** What stands above or in place of the figures when they are not simply there. */
export function Notice(props: IPartProps): React.JSX.Element | null {
  const { state, format } = props;
  const { balance, trouble } = state;
  if (trouble?.kind === 'missing') {
    return <Missing {...props} />;
  }
  if (trouble) {
    return (
      <Trouble {...props} state="stale">
        {troubleWords(state, format)}
      </Trouble>
    );
  }
  if (balance?.access && balance.state !== 'trouble') {
    return <Between {...props} access={balance.access} />;
  }
  switch (balance?.state) {
    case undefined:
      return <Loading format={format} />;
    case 'trouble':
      return (
        <Trouble {...props} state="trouble">
          {balance.trouble ?? format.trans.__('The ledger cannot be read.')}
        </Trouble>
      );
    case 'no-ledger':
      return <FirstCell {...props} />;
    default:
      return null;
  }
}

function troubleWords({ readAt, trouble }: IState, format: Format): string {
  const { trans } = format;
  const why = trouble?.kind === 'away' ? trans.__('the server is away') : trouble?.message;
  return readAt
    ? trans.__('Not up to date since %1: %2.', format.moment(readAt, new Date()), why)
    : trans.__('The balance cannot be read: %1.', why);
}

function Trouble(
  props: React.PropsWithChildren<Omit<IPartProps, 'state'> & { state: string }>
): React.JSX.Element {
  return (
    <div className="jp-asksage-notice" data-asksage={props.state}>
      <p>{props.children}</p>
      <button type="button" className="jp-mod-styled" onClick={props.actions.refresh}>
        {props.format.trans.__('Try again')}
      </button>
    </div>
  );
}

/** What stands between the account and Ask Sage, and what to do. */
function Between({
  access: { state, words },
  format,
  actions
}: IPartProps & { access: Access }): React.JSX.Element {
  return (
    <div className="jp-asksage-notice" data-asksage={state} aria-busy={state === 'asking'}>
      <h3>{format.access(state)}</h3>
      <p>{state === 'no-key' ? format.trans.__('In a notebook, run:') : words}</p>
      {state === 'no-key' && <pre tabIndex={0}>%asksage login</pre>}
      {state !== 'asking' && (
        <button type="button" className="jp-mod-styled" onClick={actions.refresh}>
          {format.trans.__('Try again')}
        </button>
      )}
    </div>
  );
}

function Missing({ format, actions }: IPartProps): React.JSX.Element {
  const { trans } = format;
  return (
    <div className="jp-asksage-notice" data-asksage="missing">
      <p>{trans.__('This sidebar needs asksage_jupyter on the Jupyter server. There, run:')}</p>
      <pre tabIndex={0}>jupyter server extension enable asksage_jupyter</pre>
      <p>{trans.__('Then restart the server.')}</p>
      <button type="button" className="jp-mod-styled" onClick={actions.refresh}>
        {trans.__('Try again')}
      </button>
    </div>
  );
}

function FirstCell({ format, actions }: IPartProps): React.JSX.Element {
  const { trans } = format;
  const hasNotebook = actions.notebook.path !== null;
  return (
    <div className="jp-asksage-notice" data-asksage="no-ledger">
      <h3>{trans.__('No calls yet')}</h3>
      <p>{trans.__('Send a first cell; what it used will be told here.')}</p>
      <pre tabIndex={0}>
        {'%load_ext asksage_jupyter\nimport asksage_jupyter as sage\n\nsage.choose_model()'}
      </pre>
      <pre tabIndex={0}>{'%%asksage\nWhy is the sky blue?'}</pre>
      {hasNotebook ? (
        <button type="button" className="jp-mod-styled jp-mod-accept" onClick={actions.insertCell}>
          {trans.__('Insert an %1 cell', '%%asksage')}
        </button>
      ) : (
        <p className="jp-asksage-quiet">{trans.__('Open a notebook first.')}</p>
      )}
    </div>
  );
}

/** The shape of what is to come. */
function Loading({ format }: { format: Format }): React.JSX.Element {
  return (
    <div className="jp-asksage-loading" data-asksage="loading" aria-busy="true">
      <p className="jp-asksage-unseen">{format.trans.__('Reading the balance …')}</p>
      <div aria-hidden="true" />
      <div aria-hidden="true" />
    </div>
  );
}
