import { MultiSelect, SegmentedControl, Select } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { WorkShift } from "../../api/types.ts";
import { formatDate } from "../../format/dates.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { noonOf, ZONELESS } from "../planning/days.ts";
import classes from "./mine.module.css";
import { mondayOf, span, weekOf } from "./shifts.ts";
import { usePeople, useReadAgain } from "./useMine.ts";

interface Props {
  shift: WorkShift;
  zone: string;
  onClose: () => void;
}

/** Offers a shift to colleagues, or to one, for another or for nothing. */
export function OfferForm({ shift, zone, onClose }: Props) {
  const t = useText();
  const language = useLanguage();
  const readAgain = useReadAgain();
  const { others } = usePeople();
  const [requestId] = useState(newRequestId);
  const [how, setHow] = useState("give");
  const [toUserId, setTo] = useState("");
  const [wantedDays, setWanted] = useState<string[]>([]);
  const [note, setNote] = useState("");
  const day = shift.day ?? "";
  const shown = (each: string) => formatDate(noonOf(each), language, ZONELESS);
  const save = async () => {
    const swap = how === "swap";
    const shiftTrade = { day, swap, note, wantedDays: swap ? wantedDays : [], ...(toUserId && { toUserId }) };
    await ask(api.POST("/v1/mySchedule/trades", { body: { requestId, shiftTrade } }));
    toast(t("mine.offered"));
    await readAgain();
  };
  return (
    <FormModal
      title={t("mine.offer")}
      onClose={onClose}
      onSave={save}
      saveLabel={t("mine.offer")}
      testId="offer-form"
    >
      <div>
        <b>{shown(day)}</b> <span className={classes.times}>{span(shift, language, zone)}</span>
      </div>
      <SegmentedControl
        value={how}
        onChange={setHow}
        data={[
          { value: "give", label: t("mine.give") },
          { value: "swap", label: t("mine.swap") },
        ]}
      />
      {how === "swap" && (
        <MultiSelect
          label={t("mine.wantedDays")}
          description={t("mine.wantedDaysHint")}
          data={weekOf(mondayOf(day)).map((each) => ({ value: each, label: shown(each) }))}
          value={wantedDays}
          onChange={setWanted}
        />
      )}
      <Select
        label={t("mine.toWhom")}
        placeholder={t("mine.anybody")}
        clearable
        searchable
        data={others.map((each) => ({ value: each.agentId ?? "", label: each.displayName ?? "" }))}
        value={toUserId || null}
        onChange={(next) => setTo(next ?? "")}
        data-testid="offer-to"
      />
      <TextField
        label={t("mine.note")}
        description={t("mine.noteSeen")}
        maxLength={200}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
    </FormModal>
  );
}
