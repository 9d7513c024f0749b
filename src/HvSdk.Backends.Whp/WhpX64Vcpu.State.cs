using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <content>All state, saved and loaded.</content>
internal sealed unsafe partial class WhpX64Vcpu
{
    /// <summary>The platform's form of the local APIC: the register page.</summary>
    private const int ApicPageSize = 4096;

    /// <summary>The registers of that page, and the portable form.</summary>
    private const int ApicSize = 1024;

    public override X64VcpuState SaveState()
    {
        GetRegisters(out X64Registers registers);
        GetSpecialRegisters(out X64SpecialRegisters special);
        GetDebugRegisters(out X64DebugRegisters debug);
        return new X64VcpuState
        {
            Activity = ReadActivity(),
            Registers = registers,
            SpecialRegisters = special,
            DebugRegisters = debug,
            Xsave = GetXsave(),
            Xcrs = GetXcrs(),
            Msrs = ReadMsrs(),
            Events = ReadEvents(),
            LocalApic = _partition.HasLocalApic ? ReadLocalApic() : null,
        };
    }

    /// <summary>
    /// The local APIC needs the APIC base of the special registers; MSRs come after both (the TSC deadline needs the APIC's timer mode); events
    /// and activity come last, for setting registers may clear some.
    /// </summary>
    public override void LoadState(X64VcpuState state)
    {
        _vcpu.AbandonAccess();
        _hasDeferredRegisters = false;
        SetXcrs(state.Xcrs);
        SetSpecialRegisters(state.SpecialRegisters);
        WriteRegisters(state.Registers);
        SetXsave(state.Xsave);
        SetDebugRegisters(state.DebugRegisters);
        if (state.LocalApic is { } apic)
        {
            WriteLocalApic(apic);
        }

        WriteMsrs(state.Msrs);
        WriteEvents(state.Events);
        WriteActivity(state);
    }

    private X64MsrValue[] ReadMsrs()
    {
        var msrs = new List<X64MsrValue>();
        foreach ((uint index, _) in WhpMsrs.All)
        {
            if (_registers.TryGetMsr(index, out ulong value))
            {
                msrs.Add(new X64MsrValue(index, value));
            }
        }

        return [.. msrs];
    }

    /// <summary>Writes all; one that the platform refuses and that has the value already needs no writing.</summary>
    private void WriteMsrs(X64MsrValue[] msrs)
    {
        foreach (X64MsrValue msr in msrs.OrderBy(static msr => msr.Index == X64MsrIndex.TscDeadline))
        {
            if (msr.Index == WhpMsrs.TscIndex)
            {
                TrySetTsc(msr.Value);
                continue;
            }

            bool isKnown = _registers.TryGetMsr(msr.Index, out ulong current);
            if (isKnown && current == msr.Value)
            {
                continue;
            }

            int result = _registers.TrySetMsr(msr.Index, msr.Value);
            if (result < 0)
            {
                throw WhpError.Create(
                    nameof(WhvFunctions.WHvSetVirtualProcessorRegisters),
                    result,
                    $"WHP refuses 0x{msr.Value:X} for MSR 0x{msr.Index:X}{(isKnown ? $", which holds 0x{current:X}" : ", which it does not know")}.");
            }
        }
    }

    private byte[] ReadLocalApic()
    {
        byte[] page = new byte[ApicPageSize];
        uint written = 0;
        // SAFETY: the platform writes at most as many bytes as it is told.
        fixed (byte* first = page)
        {
            int result = _partition.Native.Functions.WHvGetVirtualProcessorInterruptControllerState2(
                _partition.Native.Number, _vcpu.Index, first, ApicPageSize, &written);
            WhpError.Check(result, nameof(WhvFunctions.WHvGetVirtualProcessorInterruptControllerState2));
        }

        return page[..ApicSize];
    }

    private void WriteLocalApic(byte[] apic)
    {
        byte[] page = new byte[ApicPageSize];
        apic.CopyTo(page, 0);
        // SAFETY: as above.
        fixed (byte* first = page)
        {
            int result = _partition.Native.Functions.WHvSetVirtualProcessorInterruptControllerState2(
                _partition.Native.Number, _vcpu.Index, first, ApicPageSize);
            WhpError.Check(result, nameof(WhvFunctions.WHvSetVirtualProcessorInterruptControllerState2));
        }
    }

    private X64PendingEvents ReadEvents()
    {
        _registers.Get(
        [
            WHV_REGISTER_NAME.WHvRegisterPendingInterruption, WHV_REGISTER_NAME.WHvRegisterInterruptState, WHV_REGISTER_NAME.WHvRegisterPendingEvent,
        ]);
        WHV_X64_PENDING_INTERRUPTION_REGISTER interruption = _registers.Values[0].PendingInterruption;
        WHV_X64_INTERRUPT_STATE_REGISTER state = _registers.Values[1].InterruptState;
        WHV_X64_PENDING_EXCEPTION_EVENT pending = _registers.Values[2].ExceptionEvent;
        WHV_X64_PENDING_EXT_INT_EVENT external = _registers.Values[2].ExtIntEvent;
        bool isInjected = interruption.InterruptionPending != 0;
        var type = (WHV_X64_PENDING_INTERRUPTION_TYPE)interruption.InterruptionType;
        bool isException = isInjected && type == WHV_X64_PENDING_INTERRUPTION_TYPE.WHvX64PendingException;
        bool isPendingException = pending.EventPending != 0 && pending.EventType == (uint)WHV_X64_PENDING_EVENT_TYPE.WHvX64PendingEventException;
        bool isExternal = external.EventPending != 0 && external.EventType == (uint)WHV_X64_PENDING_EVENT_TYPE.WHvX64PendingEventExtInt;
        bool isInterrupt = isInjected && type == WHV_X64_PENDING_INTERRUPTION_TYPE.WHvX64PendingInterrupt;
        return new X64PendingEvents
        {
            ExceptionVector = isException ? (byte)interruption.InterruptionVector : isPendingException ? (byte)pending.Vector : null,
            ExceptionInjected = isException,
            ExceptionErrorCode = isException && interruption.DeliverErrorCode != 0 ? interruption.ErrorCode
                : !isException && isPendingException && pending.DeliverErrorCode != 0 ? pending.ErrorCode : null,
            ExceptionPayload = !isException && isPendingException && pending.ExceptionParameter != 0 ? pending.ExceptionParameter : null,
            InterruptVector = isInterrupt ? (byte)interruption.InterruptionVector : isExternal ? (byte)external.Vector : null,
            BlockedBySti = state.InterruptShadow != 0,
            NmiInjected = isInjected && type == WHV_X64_PENDING_INTERRUPTION_TYPE.WHvX64PendingNmi,
            NmiPending = _pendingNmis,
            NmiMasked = state.NmiMasked != 0,
        };
    }

    private void WriteEvents(X64PendingEvents events)
    {
        if (events.InSystemManagementMode || events.SmiPending)
        {
            throw new ArgumentException("The state is that of a vCPU in system-management mode, which WHP does not have.", nameof(events));
        }

        WHV_REGISTER_VALUE interruption = default;
        ref WHV_X64_PENDING_INTERRUPTION_REGISTER injected = ref interruption.PendingInterruption;
        if (events.ExceptionVector is { } exception && events.ExceptionInjected)
        {
            injected.InterruptionType = (uint)WHV_X64_PENDING_INTERRUPTION_TYPE.WHvX64PendingException;
            injected.InterruptionVector = exception;
            injected.DeliverErrorCode = WhpRegisters.Bit(events.ExceptionErrorCode is not null);
            injected.ErrorCode = events.ExceptionErrorCode ?? 0;
            injected.InterruptionPending = 1;
        }
        else if (events.NmiInjected)
        {
            injected.InterruptionType = (uint)WHV_X64_PENDING_INTERRUPTION_TYPE.WHvX64PendingNmi;
            injected.InterruptionVector = NmiVector;
            injected.InterruptionPending = 1;
        }
        else if (events.InterruptVector is { } vector)
        {
            injected.InterruptionVector = vector;
            injected.InterruptionPending = 1;
        }

        _registers.Set(WHV_REGISTER_NAME.WHvRegisterPendingInterruption, interruption);
        WHV_REGISTER_VALUE state = default;
        state.InterruptState.InterruptShadow = WhpRegisters.Bit(events.BlockedBySti || events.BlockedByMovSs);
        state.InterruptState.NmiMasked = WhpRegisters.Bit(events.NmiMasked);
        _registers.Set(WHV_REGISTER_NAME.WHvRegisterInterruptState, state);
        WHV_REGISTER_VALUE pending = default;
        if (events.ExceptionVector is { } waiting && !events.ExceptionInjected)
        {
            pending.ExceptionEvent.EventPending = 1;
            pending.ExceptionEvent.Vector = waiting;
            pending.ExceptionEvent.DeliverErrorCode = WhpRegisters.Bit(events.ExceptionErrorCode is not null);
            pending.ExceptionEvent.ErrorCode = events.ExceptionErrorCode ?? 0;
            pending.ExceptionEvent.ExceptionParameter = events.ExceptionPayload ?? 0;
        }

        _registers.Set(WHV_REGISTER_NAME.WHvRegisterPendingEvent, pending);
        _pendingNmis = events.NmiPending;
    }

    private X64ActivityState ReadActivity()
    {
        if (_registers.TryGet(WHV_REGISTER_NAME.WHvRegisterInternalActivityState, out WHV_REGISTER_VALUE value) < 0)
        {
            return X64ActivityState.Running;
        }

        return value.InternalActivity.StartupSuspend != 0 ? X64ActivityState.WaitForStartup
            : value.InternalActivity.HaltSuspend != 0 ? X64ActivityState.Halted
            : X64ActivityState.Running;
    }

    /// <summary>The platform knows no INIT that waits: such a vCPU waits for its start.</summary>
    private void WriteActivity(X64VcpuState state)
    {
        bool isHalted = state.Activity == X64ActivityState.Halted;
        bool isStarted = state.Activity is not (X64ActivityState.WaitForInit or X64ActivityState.WaitForStartup);
        if (state.Activity == X64ActivityState.StartupReceived)
        {
            // What the processor does then (Intel SDM vol. 3A, 9.4.3): CS at the page that the message names.
            byte page = state.Events.StartupVector ?? 0;
            _registers.Set(
                WHV_REGISTER_NAME.WHvX64RegisterCs,
                new WHV_REGISTER_VALUE { Segment = WhpRegisters.FromSegment(X64Segment.RealMode((ushort)(page << 8), isCode: true)) });
            _registers.Set64(WHV_REGISTER_NAME.WHvX64RegisterRip, 0);
        }

        WHV_REGISTER_VALUE activity = default;
        activity.InternalActivity.StartupSuspend = WhpRegisters.Bit(!isStarted);
        activity.InternalActivity.HaltSuspend = WhpRegisters.Bit(isHalted);
        int result = _registers.TrySet(WHV_REGISTER_NAME.WHvRegisterInternalActivityState, activity);
        if (result < 0 && (isHalted || !isStarted))
        {
            throw WhpError.FromResult($"{nameof(WhvFunctions.WHvSetVirtualProcessorRegisters)}({WHV_REGISTER_NAME.WHvRegisterInternalActivityState})", result);
        }
    }
}
