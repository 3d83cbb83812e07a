import { Button, FileInput, Group, Modal, Stack, Switch, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { NumberImport, NumberList } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { Note } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { CountrySelect } from "../CountrySelect.tsx";
import classes from "./lists.module.css";

interface Props {
  list: NumberList;
  onClose: () => void;
  onDone: () => Promise<unknown>;
}

/** Pasted lines or a file: first what would come of them, line by line where one is bad, then they are taken. */
export function ImportEntries({ list, onClose, onDone }: Props) {
  const t = useText();
  const language = useLanguage();
  const [text, setText] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [country, setCountry] = useState("");
  const [replace, setReplace] = useState(false);
  const [requestId, setRequestId] = useState(newRequestId);
  const [checked, setChecked] = useState<{ asked: string; came: NumberImport }>();
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState("");
  const asked = JSON.stringify([text, country, replace]);
  const came = checked?.asked === asked ? checked.came : undefined;
  const good = (came?.added ?? 0) + (came?.changed ?? 0) + (came?.unchanged ?? 0);
  const bad = came?.badLines ?? 0;
  const send = (dryRun: boolean) =>
    ask(
      api.POST("/v1/numberLists/{numberListId}/entries:import", {
        params: { path: { numberListId: list.numberListId ?? "" } },
        body: { requestId, text, country, replace, dryRun, skipBadLines: bad > 0 },
      }),
    );
  const run = async (name: string, work: () => Promise<void>) => {
    setBusy(name);
    setFailure(undefined);
    try {
      await work();
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy("");
    }
  };
  const check = () =>
    run("check", async () => {
      const answer = await send(true);
      setRequestId(newRequestId());
      setChecked({ asked, came: answer });
    });
  const take = () =>
    run("take", async () => {
      const answer = await send(false);
      toast(t("numberLists.taken", { count: formatNumber(answer.entryCount ?? 0, language) }));
      await onDone();
      onClose();
    });
  const choose = (chosen: File | null) => {
    setFile(chosen);
    void chosen?.text().then(setText, setFailure);
  };
  const ready = came !== undefined && good + (came.removed ?? 0) > 0;
  // The entries that the bad lines mean would be taken out.
  const unsafe = replace && bad > 0;
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t("numberLists.import")}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="import-numbers"
    >
      <Stack>
        <Textarea
          label={t("numberLists.text")}
          description={t("numberLists.textHint")}
          placeholder={"+994501234567, Leyla\n+99455*"}
          data-autofocus
          autosize
          minRows={5}
          maxRows={12}
          dir="ltr"
          spellCheck={false}
          classNames={{ input: classes.typed }}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          data-testid="import-numbers-text"
        />
        <FileInput
          label={t("numberLists.file")}
          placeholder="numbers.csv"
          accept=".csv,.txt,.tsv,text/csv,text/plain"
          value={file}
          onChange={choose}
          clearable
          clearButtonProps={{ "aria-label": t("common.remove") }}
          fileInputProps={{ "aria-label": t("numberLists.file") }}
          data-testid="import-numbers-file"
        />
        <CountrySelect label={t("numberLists.country")} value={country} onChange={setCountry} />
        <Switch
          label={t("numberLists.replace")}
          checked={replace}
          onChange={(event) => setReplace(event.currentTarget.checked)}
        />
        <ProblemNote problem={failure} title={t("numberLists.notTaken")} />
        {came && <Outcome came={came} />}
        {unsafe && (
          <Note tone="bad" live testId="import-numbers-unsafe">
            {t("numberLists.replaceBad")}
          </Note>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button
            variant={ready ? "default" : "filled"}
            disabled={!text.trim()}
            loading={busy === "check"}
            onClick={() => void check()}
            data-testid="import-numbers-check"
          >
            {t("numberLists.check")}
          </Button>
          {ready && (
            <Button
              disabled={unsafe}
              loading={busy === "take"}
              onClick={() => void take()}
              data-testid="import-numbers-take"
            >
              {bad > 0 && !unsafe ? t("numberLists.takeGood") : t("numberLists.take")}
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}

const SHOWN = 50;

function Outcome({ came }: { came: NumberImport }) {
  const t = useText();
  const language = useLanguage();
  const count = (value: number | undefined) => formatNumber(value ?? 0, language);
  const problems = came.problems ?? [];
  const bad = came.badLines ?? 0;
  return (
    <>
      <Note tone={bad ? "warn" : "good"} live testId="import-numbers-outcome">
        {t("numberLists.wouldBe", {
          added: count(came.added),
          changed: count(came.changed),
          unchanged: count(came.unchanged),
          removed: count(came.removed),
          total: count(came.entryCount),
        })}
      </Note>
      {bad > 0 && (
        <Note tone="bad" title={t("numberLists.badLines", { count: count(bad) })} testId="import-numbers-bad">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls must be reachable by keyboard */}
          <ul className={classes.lines} tabIndex={0}>
            {problems.slice(0, SHOWN).map((each) => (
              <li key={each.line}>
                {t("numberLists.badLine", {
                  line: count(each.line),
                  value: `\u2068${each.value ?? ""}\u2069`,
                })}
                {" – "}
                {textOr("numberLine", each.reason ?? "")}
              </li>
            ))}
            {bad > Math.min(SHOWN, problems.length) && (
              <li>{t("numberLists.moreLines", { count: count(bad - Math.min(SHOWN, problems.length)) })}</li>
            )}
          </ul>
        </Note>
      )}
    </>
  );
}
