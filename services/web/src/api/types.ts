/** The nouns of the API by the names the product uses. The generated schema stays behind this file. */
import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];

export type Money = Schemas["type.v1.Money"];
export type Plan = Schemas["tenancy.v1.Plan"];
export type Limits = Schemas["tenancy.v1.Limits"];
export type Tenant = Schemas["tenancy.v1.Tenant"];
export type TenantState = NonNullable<Schemas["tenancy.v1.TenantState"]>;
export type TenantOverview = Schemas["tenancy.v1.TenantOverview"];
export type Brand = Schemas["tenancy.v1.Brand"];
export type Notice = Schemas["tenancy.v1.Notice"];
export type PhoneNumber = Schemas["tenancy.v1.Number"];
export type BroughtNumber = Schemas["tenancy.v1.BroughtNumber"];
export type Session = Schemas["tenancy.v1.Session"];
export type User = Schemas["tenancy.v1.User"];
export type Role = NonNullable<Schemas["tenancy.v1.Role"]>;
export type Invitation = Schemas["tenancy.v1.Invitation"];
export type ApiKey = Schemas["tenancy.v1.ApiKey"];
export type AuditEntry = Schemas["tenancy.v1.AuditEntry"];

export type Queue = Schemas["routing.v1.Queue"];
export type SkillLevel = Schemas["routing.v1.SkillLevel"];
export type RoutingRules = Schemas["routing.v1.RoutingRules"];
export type SimulateDayRequest = Schemas["routing.v1.SimulateDayRequest"];
export type SimulateDayResponse = Schemas["routing.v1.SimulateDayResponse"];
export type SimulatedDay = Schemas["routing.v1.SimulatedDay"];
export type SimulatedFigures = Schemas["routing.v1.SimulatedFigures"];
export type Skill = Schemas["routing.v1.Skill"];
export type BusinessHours = Schemas["routing.v1.BusinessHours"];
export type OpenInterval = Schemas["routing.v1.OpenInterval"];
export type Holiday = Schemas["routing.v1.Holiday"];
export type Disposition = Schemas["routing.v1.Disposition"];
export type Contact = Schemas["routing.v1.Contact"];
export type ContactState = Schemas["routing.v1.ContactState"];
export type Offer = Schemas["routing.v1.Offer"];
export type Agent = Schemas["routing.v1.Agent"];
export type AgentState = Schemas["routing.v1.AgentState"];
export type Desktop = Schemas["routing.v1.GetMyDesktopResponse"];
export type Colleague = Schemas["routing.v1.Colleague"];
export type Decision = Schemas["routing.v1.Decision"];

export type Call = Schemas["telephony.v1.Call"];
export type Leg = Schemas["telephony.v1.Leg"];
export type AnswerDetection = Schemas["telephony.v1.AnswerDetection"];
export type CallRules = Schemas["tenancy.v1.CallRules"];
export type CallMoment = Schemas["telephony.v1.CallMoment"];
export type Cdr = Schemas["telephony.v1.Cdr"];
export type Station = Schemas["telephony.v1.Station"];
export type Trunk = Schemas["telephony.v1.Trunk"];
export type TrunkTestStep = Schemas["telephony.v1.TrunkTestStep"];
export type Gateway = Schemas["telephony.v1.Gateway"];
export type Device = Schemas["telephony.v1.Device"];
export type CountryRule = Schemas["telephony.v1.CountryRule"];
export type CountryChoice = NonNullable<Schemas["telephony.v1.CountryChoice"]>;
export type OutboundSettings = Schemas["telephony.v1.OutboundSettings"];
export type FindMe = Schemas["telephony.v1.FindMe"];
export type FindMeStep = Schemas["telephony.v1.FindMeStep"];
export type SupervisionMode = Schemas["telephony.v1.SupervisionMode"];
export type TelephonyNode = Schemas["telephony.v1.Node"];

export type Flow = Schemas["flows.v1.Flow"];
export type Step = Schemas["flows.v1.Step"];
export type Definition = Schemas["flows.v1.Definition"];
export type Utterance = Schemas["flows.v1.Utterance"];
export type Choice = Schemas["flows.v1.Choice"];
export type FlowProblem = Schemas["flows.v1.Problem"];
export type Release = Schemas["flows.v1.Release"];
export type Prompt = Schemas["flows.v1.Prompt"];
export type Run = Schemas["flows.v1.Run"];

export type Recording = Schemas["recording.v1.Recording"];
export type RecordingTrack = Schemas["recording.v1.Track"];
export type Customer = Schemas["engagement.v1.Customer"];
export type HistoryEntry = Schemas["engagement.v1.HistoryEntry"];
export type ScreenPop = Schemas["engagement.v1.ScreenPop"];

export type UsageRecord = Schemas["billing.v1.UsageRecord"];
export type InvoicePreview = Schemas["billing.v1.InvoicePreview"];
export type Wallboard = Schemas["analytics.v1.Wallboard"];
export type QueueTile = Schemas["analytics.v1.QueueTile"];
export type AgentTile = Schemas["analytics.v1.AgentTile"];
export type QueueInterval = Schemas["analytics.v1.QueueInterval"];
