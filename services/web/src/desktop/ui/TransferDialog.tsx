import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { IconArrowForwardUp, IconHash, IconHeadset, IconSitemap, IconStack2 } from "@tabler/icons-react";
import { useEffect, useId, useRef, useState } from "react";
import { useColleagues, useQueues } from "../../api/names.ts";
import { asProblem, type Problem } from "../../api/problem.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { useFlows } from "../../pages/flows/useFlow.ts";
import { mayEnter } from "../../session/roles.ts";
import { useSession } from "../../session/session.ts";
import { Tag } from "../../ui/Note.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { consult, transfer } from "../calls.ts";
import { Key } from "./CallControls.tsx";
import classes from "./parties.module.css";
import { stateTone } from "./StateText.tsx";
import { type Choice, choicesOf, type Kind } from "./targets.ts";

const FRESH_MS = 3000;
const SIGNS: Record<Kind, typeof IconHash> = {
  agent: IconHeadset,
  queue: IconStack2,
  flow: IconSitemap,
  number: IconHash,
};

/** Hands the call on: who, and whether with a word before. Typing, arrows and Enter are enough. */
export default function TransferDialog({ onClose }: { onClose: () => void }) {
  const t = useText();
  const [typed, setTyped] = useState("");
  const choices = useChoices(typed);
  const [at, setAt] = useState(0);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const chosen = choices[Math.min(at, choices.length - 1)];
  const run = async (hand: typeof transfer, choice = chosen) => {
    if (!choice || choice.away || busy || (hand === consult && choice.kind === "flow")) return;
    setBusy(true);
    setProblem(undefined);
    try {
      await hand(choice.target);
      onClose();
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((Math.min(at, choices.length - 1) + step + choices.length) % (choices.length || 1));
    else if (event.key === "Enter") void run(event.shiftKey || chosen?.kind === "flow" ? transfer : consult);
    else return;
    event.preventDefault();
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("calls.handOn")}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="transfer"
    >
      <Stack gap="sm">
        <Search
          typed={typed}
          choices={choices}
          chosen={chosen}
          onType={(text) => {
            setTyped(text);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
          onChoose={(choice) => setAt(choices.indexOf(choice))}
        />
        <ProblemNote problem={problem} testId="transfer-problem" />
        <Group justify="flex-end" gap="xs">
          <Button
            variant="default"
            loading={busy}
            disabled={!chosen || chosen.away}
            leftSection={<IconArrowForwardUp size={17} aria-hidden className="m-flip" />}
            onClick={() => void run(transfer)}
            data-testid="transfer-blind"
          >
            {t("calls.sendAtOnce")}
            <Key name="Shift+Enter" />
          </Button>
          <Button
            loading={busy}
            disabled={!chosen || chosen.away || chosen.kind === "flow"}
            onClick={() => void run(consult)}
            data-testid="transfer-consult"
          >
            {t("calls.askFirst")}
            <Key name="Enter" />
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function useChoices(typed: string): Choice[] {
  const session = useSession();
  const watch = session.status === "signedIn" && mayEnter(session.user.role, "watch");
  const colleagues = useColleagues(true, FRESH_MS).data ?? [];
  const queues = useQueues().data ?? [];
  const flows = useFlows(watch).data ?? [];
  return choicesOf(colleagues, queues, flows, typed);
}

interface SearchProps {
  typed: string;
  choices: readonly Choice[];
  chosen: Choice | undefined;
  onType: (text: string) => void;
  onKeyDown: (event: React.KeyboardEvent) => void;
  onChoose: (choice: Choice) => void;
}

function Search({ typed, choices, chosen, onType, onKeyDown, onChoose }: SearchProps) {
  const t = useText();
  const list = useId();
  const active = useRef<HTMLDivElement>(null);
  const key = chosen?.key;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another one is chosen
  useEffect(() => void active.current?.scrollIntoView({ block: "nearest" }), [key]);
  return (
    <>
      <TextInput
        label={t("calls.whom")}
        description={t("calls.whomHint")}
        data-autofocus
        role="combobox"
        aria-expanded
        aria-controls={list}
        aria-activedescendant={key ? `${list}-${key}` : undefined}
        autoComplete="off"
        value={typed}
        onChange={(event) => onType(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        data-testid="transfer-search"
      />
      <div id={list} role="listbox" aria-label={t("calls.whom")} className={classes.options} tabIndex={-1}>
        {choices.length === 0 && (
          <Text size="sm" c="dimmed" p="sm">
            {t("calls.nobodyFound")}
          </Text>
        )}
        {choices.map((choice) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus and says which one is active
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
          <div
            key={choice.key}
            id={`${list}-${choice.key}`}
            ref={choice === chosen ? active : undefined}
            role="option"
            aria-selected={choice === chosen}
            aria-disabled={choice.away ?? false}
            className={classes.option}
            onClick={() => onChoose(choice)}
            data-testid={`transfer-to-${choice.key}`}
          >
            <Option choice={choice} />
          </div>
        ))}
      </div>
    </>
  );
}

function Option({ choice }: { choice: Choice }) {
  const t = useText();
  const Sign = SIGNS[choice.kind];
  return (
    <>
      <Sign size={18} aria-hidden />
      <span className={classes.name}>
        {choice.kind === "number" ? (
          <span className="m-ltr m-figures">{choice.name}</span>
        ) : (
          <bdi>{choice.name}</bdi>
        )}
      </span>
      {choice.state ? (
        <Tag tone={stateTone(choice.state)} dot>
          {textOr("state", choice.state)}
        </Tag>
      ) : (
        <Tag>{t(`calls.kind.${choice.kind}`)}</Tag>
      )}
    </>
  );
}
