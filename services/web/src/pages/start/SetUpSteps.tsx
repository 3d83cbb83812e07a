import { Button, Group, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { Invitation } from "../../api/types.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { Form } from "../../ui/Form.tsx";
import { LanguageSelect, numberOption, ownTimeZone, TextField, TimeZoneSelect } from "../../ui/fields.tsx";
import { InvitationLink } from "../../ui/InvitationLink.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import type { StepProps } from "./SetUpPage.tsx";
import {
  assignNumber,
  createBrand,
  createDispositions,
  createFlow,
  createQueue,
  freeNumbers,
  invite,
} from "./setUp.ts";

/** One step: an explanation, its fields, and one button that saves and goes on. */
function StepForm(props: {
  lead: string;
  children: ReactNode;
  onSave: () => Promise<unknown>;
  ready?: boolean;
}) {
  const t = useText();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await props.onSave();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Form onSubmit={() => void save()}>
      <Stack>
        <Text c="dimmed">{props.lead}</Text>
        {props.children}
        <ProblemNote problem={problem} />
        <Group justify="flex-end">
          <Button type="submit" loading={busy} disabled={props.ready === false} data-testid="setup-next">
            {t("common.next")}
          </Button>
        </Group>
      </Stack>
    </Form>
  );
}

export function BrandStep({ progress, onSaved }: StepProps) {
  const t = useText();
  const [name, setName] = useState(progress.tenant.displayName ?? "");
  const [language, setLanguage] = useState(progress.tenant.language || "en");
  const [zone, setZone] = useState(progress.tenant.timeZone || ownTimeZone());
  return (
    <StepForm lead={t("setUp.brand.lead")} onSave={() => createBrand(name, language, zone).then(onSaved)}>
      <TextField
        label={t("setUp.brand.name")}
        required
        maxLength={120}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-testid="setup-brand-name"
      />
      <LanguageSelect
        label={t("setUp.brand.language")}
        value={language}
        onChange={setLanguage}
        testId="setup-brand-language"
      />
      <TimeZoneSelect value={zone} onChange={setZone} testId="setup-brand-zone" />
    </StepForm>
  );
}

export function NumberStep({ progress, onSaved }: StepProps) {
  const t = useText();
  const language = useLanguage();
  const { data } = useQuery({ queryKey: ["freeNumbers"], queryFn: freeNumbers });
  const [picked, setPicked] = useState("");
  const number = picked || (data?.[0]?.number ?? "");
  const save = () => assignNumber(number, progress.brand?.brandId ?? "").then(onSaved);
  return (
    <StepForm lead={t("setUp.number.lead")} onSave={save} ready={number !== ""}>
      <Select
        label={t("setUp.number.pick")}
        searchable
        data={(data ?? []).map((each) => numberOption(each.number ?? "", language))}
        value={number || null}
        onChange={(value) => setPicked(value ?? "")}
        data-testid="setup-number"
        nothingFoundMessage={t("setUp.number.none")}
      />
    </StepForm>
  );
}

export function QueueStep({ onSaved }: StepProps) {
  const t = useText();
  const [name, setName] = useState(t("setUp.queue.default"));
  const names = t("setUp.dispositions.default").split(";");
  const save = async () => {
    await createQueue(name);
    await createDispositions(names);
    await onSaved();
  };
  return (
    <StepForm lead={t("setUp.queue.lead")} onSave={save}>
      <TextField
        label={t("setUp.queue.name")}
        required
        maxLength={120}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-testid="setup-queue-name"
      />
      <Text size="sm" c="dimmed" data-testid="setup-dispositions">
        {t("setUp.queue.dispositions", { names: names.join(t("common.comma")) })}
      </Text>
    </StepForm>
  );
}

export function FlowStep({ progress, onSaved }: StepProps) {
  const t = useText();
  const language = useLanguage();
  const { data } = useQuery({ queryKey: ["templates"], queryFn: () => ask(api.GET("/v1/flowTemplates")) });
  // Templates that need more than a queue (business hours) are for the flow editor.
  const usable = (data?.templates ?? []).filter((each) =>
    (each.parameters ?? []).every((parameter) => parameter === "queue_id"),
  );
  const [picked, setPicked] = useState("");
  const template = usable.find((each) => each.templateId === picked) ?? usable[0];
  const { brand, queue, number } = progress;
  const save = () => {
    const parameters = {
      queue_id: queue?.queueId ?? "",
      brand_name: brand?.displayName ?? "",
      language: brand?.language ?? "en",
    };
    const displayName = t("setUp.flow.default");
    return createFlow(
      { templateId: template?.templateId ?? "", displayName, parameters },
      number?.number ?? "",
    ).then(onSaved);
  };
  return (
    <StepForm lead={t("setUp.flow.lead")} onSave={save} ready={template !== undefined}>
      <Select
        label={t("setUp.flow.template")}
        description={template?.summaries?.[language] ?? template?.summaries?.en}
        data={usable.map((each) => ({
          value: each.templateId ?? "",
          label: each.names?.[language] ?? each.names?.en ?? each.templateId ?? "",
        }))}
        value={template?.templateId ?? null}
        onChange={(value) => setPicked(value ?? "")}
        data-testid="setup-template"
      />
    </StepForm>
  );
}

export function InviteStep({ onDone }: { onDone: () => void }) {
  const t = useText();
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [made, setMade] = useState<Invitation>();
  if (made) {
    return (
      <Stack>
        <InvitationLink invitation={made} />
        <Group justify="flex-end">
          <Button onClick={onDone} data-testid="setup-finish">
            {t("common.done")}
          </Button>
        </Group>
      </Stack>
    );
  }
  return (
    <StepForm lead={t("setUp.invite.lead")} onSave={() => invite(email, name, "ROLE_AGENT").then(setMade)}>
      <TextField
        label={t("setUp.invite.name")}
        maxLength={120}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-testid="setup-invite-name"
      />
      <TextField
        label={t("start.email")}
        type="email"
        required
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
        data-testid="setup-invite-email"
      />
      <Button variant="subtle" color="gray" onClick={onDone} data-testid="setup-skip">
        {t("common.skip")}
      </Button>
    </StepForm>
  );
}
