import { Button, Select, Stack, TextInput } from "@mantine/core";
import { IconHistory, IconPhone } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { mayBeShown, optionsOf, useBrands, useNumbers } from "../../api/names.ts";
import { asProblem, fieldProblem, type Problem } from "../../api/problem.ts";
import type { AnswerDetection, Brand, Contact } from "../../api/types.ts";
import { dial } from "../../desktop/calls.ts";
import { useDesktop } from "../../desktop/desktop.ts";
import { phaseOf } from "../../desktop/state.ts";
import { Keypad } from "../../desktop/ui/Keypad.tsx";
import { asNumber } from "../../desktop/ui/targets.ts";
import { latinDigits } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { mayEnter } from "../../session/roles.ts";
import { useMe, useSession } from "../../session/session.ts";
import { Form } from "../../ui/Form.tsx";
import { numberOption } from "../../ui/fields.tsx";
import { Panel } from "../../ui/Page.tsx";
import classes from "./desktop.module.css";
import { MachineFields } from "./MachineFields.tsx";
import { Refused } from "./Refused.tsx";

const RECENT = 6;

/** Rings a number: typed, pressed on the pad or picked from those we talked to last. */
export function DialForm() {
  const t = useText();
  const idle = phaseOf(useDesktop()) === "idle";
  const [number, setNumber] = useState("");
  const brands = useBrands().data ?? [];
  const [picked, setPicked] = useState("");
  const brandId = picked || (brands.length === 1 ? (brands[0]?.brandId ?? "") : "");
  const [callerNumber, setCallerNumber] = useState("");
  const [detection, setDetection] = useState<AnswerDetection>();
  const [wrong, setWrong] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  // One intent, one id: pressed again after an answer that was lost, it rings once.
  const requestId = useRef(newRequestId());
  const type = (text: string) => {
    setNumber(text);
    setWrong(false);
    setProblem(undefined);
    requestId.current = newRequestId();
  };
  const call = async () => {
    const dialled = asNumber(number);
    setWrong(!dialled);
    if (!dialled) return;
    setBusy(true);
    setProblem(undefined);
    try {
      await dial({ number: dialled, brandId, callerNumber, detection }, requestId.current);
      type("");
    } catch (error) {
      const refusal = asProblem(error);
      if (refusal.status !== 0) requestId.current = newRequestId();
      setProblem(refusal);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Panel label={t("dial.title")}>
      <h2 className={classes.sectionTitle}>{t("dial.title")}</h2>
      <Form onSubmit={() => void call()}>
        <Stack gap="sm">
          <TextInput
            label={t("dial.number")}
            description={t("dial.numberHint")}
            type="tel"
            inputMode="tel"
            dir="ltr"
            size="lg"
            autoComplete="off"
            value={number}
            error={wrong ? t("dial.noNumber") : fieldProblem(problem, "number") && t("dial.noNumber")}
            onChange={(event) => type(latinDigits(event.currentTarget.value))}
            data-testid="dial-number"
          />
          <Keypad onKey={(digit) => type(number + digit)} quiet />
          <OnBehalf
            brands={brands}
            brandId={brandId}
            callerNumber={callerNumber}
            onBrand={(id) => {
              setPicked(id);
              setCallerNumber("");
            }}
            onNumber={setCallerNumber}
          />
          <MachineFields value={detection} problem={problem} onChange={setDetection} />
          <Refused problem={problem} testId="dial-problem" />
          <Button
            type="submit"
            size="md"
            color="#147a4a"
            loading={busy}
            disabled={!idle}
            leftSection={<IconPhone size={18} aria-hidden />}
            data-testid="dial-call"
          >
            {t("dial.call")}
          </Button>
          <Recent onPick={type} />
        </Stack>
      </Form>
    </Panel>
  );
}

interface OnBehalfProps {
  brands: Brand[];
  brandId: string;
  callerNumber: string;
  onBrand: (id: string) => void;
  onNumber: (number: string) => void;
}

/** Whom the call is for, and which of their numbers is shown. One brand with one number needs no question. */
function OnBehalf({ brands, brandId, callerNumber, onBrand, onNumber }: OnBehalfProps) {
  const t = useText();
  const language = useLanguage();
  const session = useSession();
  // Agents don't read the list of numbers: their calls show the brand's own.
  const may = session.status === "signedIn" && mayEnter(session.user.role, "watch");
  const numbers = (useNumbers(may).data ?? []).filter((each) => each.brandId === brandId && mayBeShown(each));
  return (
    <>
      {brands.length > 1 && (
        <Select
          label={t("dial.brand")}
          placeholder={t("dial.pickBrand")}
          required
          data={optionsOf(brands, "brandId")}
          value={brandId || null}
          onChange={(id) => onBrand(id ?? "")}
          data-testid="dial-brand"
        />
      )}
      {numbers.length > 1 && (
        <Select
          label={t("dial.shown")}
          placeholder={t("dial.brandsOwn")}
          clearable
          data={numbers.map((each) => numberOption(each.number ?? "", language))}
          value={callerNumber || null}
          onChange={(next) => onNumber(next ?? "")}
          data-testid="dial-caller-number"
        />
      )}
    </>
  );
}

/** Whom we talked to last. Read from the server, so nobody's numbers stay behind in a shared browser. */
function Recent({ onPick }: { onPick: (number: string) => void }) {
  const t = useText();
  const me = useMe();
  const { data } = useQuery({
    queryKey: ["recentContacts"],
    queryFn: async (): Promise<Contact[]> =>
      (await ask(api.GET("/v1/contacts", { params: { query: { pageSize: 200 } } }))).contacts ?? [],
  });
  const mine = (data ?? []).filter((each) => each.agentId === me && each.callerNumber);
  const latest = [...new Map(mine.map((each) => [each.callerNumber, each])).values()].slice(0, RECENT);
  if (latest.length === 0) return null;
  return (
    <div data-testid="dial-recent">
      <h3 className={classes.sectionTitle}>{t("dial.recent")}</h3>
      <div style={{ display: "flex", flexWrap: "wrap", gap: 6 }}>
        {latest.map((each) => (
          <Button
            key={each.contactId}
            size="compact-sm"
            variant="default"
            leftSection={<IconHistory size={15} aria-hidden />}
            onClick={() => onPick(each.callerNumber ?? "")}
          >
            {each.callerName && (
              <>
                <bdi>{each.callerName}</bdi>&nbsp;
              </>
            )}
            <span className="m-ltr m-figures">{each.callerNumber}</span>
          </Button>
        ))}
      </div>
    </div>
  );
}
