using HvSdk.Backends.Whp.Interop;
using HvSdk.Emulation;

namespace HvSdk.Backends.Whp;

/// <content>Interrupts, exceptions and what blocks them.</content>
internal sealed partial class WhpX64Vcpu
{
    private const ulong InterruptFlag = 1UL << 9;
    private const byte GeneralProtection = 13;
    private const byte NmiVector = 2;
    private const int MaxPendingNmis = 2;

    private bool _canTakeInterrupt;
    private bool _windowRequested;
    private bool _nmiWindowRequested;
    private int _pendingNmis;

    public override bool CanTakeInterrupt => _canTakeInterrupt;

    public override X64ActivityState Activity => ReadActivity();

    public override void InjectInterrupt(byte vector)
    {
        _canTakeInterrupt = false;
        if (!_partition.HasLocalApic)
        {
            WHV_REGISTER_VALUE interruption = default;
            interruption.PendingInterruption.InterruptionPending = 1;
            interruption.PendingInterruption.InterruptionType = (uint)WHV_X64_PENDING_INTERRUPTION_TYPE.WHvX64PendingInterrupt;
            interruption.PendingInterruption.InterruptionVector = vector;
            _registers.Set(WHV_REGISTER_NAME.WHvRegisterPendingInterruption, interruption);
            return;
        }

        // Past the local APIC, as from an 8259A. A vCPU that sleeps does not wake for it by itself.
        WHV_REGISTER_VALUE external = default;
        external.ExtIntEvent.EventPending = 1;
        external.ExtIntEvent.EventType = (uint)WHV_X64_PENDING_EVENT_TYPE.WHvX64PendingEventExtInt;
        external.ExtIntEvent.Vector = vector;
        _registers.Set(WHV_REGISTER_NAME.WHvRegisterPendingEvent, external);
        Wake();
    }

    /// <summary>The next entry delivers it, whoever keeps the local APIC.</summary>
    public override void InjectNmi() => _pendingNmis = int.Min(_pendingNmis + 1, MaxPendingNmis);

    public override void RequestInterruptWindow(bool enabled)
    {
        if (enabled != _windowRequested)
        {
            _windowRequested = enabled;
            WriteNotifications();
        }
    }

    /// <summary>What waits for the next entry.</summary>
    internal void BeforeEntry()
    {
        if (_pendingNmis > 0)
        {
            TryDeliverNmi();
        }
    }

    internal void AfterExit(in WHV_VP_EXIT_CONTEXT context) => _canTakeInterrupt =
        (context.Rflags & InterruptFlag) != 0 && context.ExecutionState.InterruptShadow == 0 && context.ExecutionState.InterruptionPending == 0;

    internal void AfterFailure() => _canTakeInterrupt = false;

    /// <summary>A window is open. Notifications are given once.</summary>
    internal bool TryDecodeWindow(WHV_X64_PENDING_INTERRUPTION_TYPE type, out VcpuExit exit)
    {
        exit = default;
        if (type == WHV_X64_PENDING_INTERRUPTION_TYPE.WHvX64PendingNmi)
        {
            // For the NMI that waits here; the next entry delivers it.
            _nmiWindowRequested = false;
            WriteNotifications();
            return false;
        }

        bool isAskedFor = _windowRequested;
        _windowRequested = false;
        exit = ExitFactory.Plain(VcpuExitKind.InterruptWindow);
        return isAskedFor;
    }

    /// <summary>Raises #GP(0) at the instruction that left.</summary>
    internal void RaiseGeneralProtection() => Raise(new X64Exception(GeneralProtection, HasErrorCode: true, ErrorCode: 0, Address: 0, IsTrap: false));

    internal void Raise(in X64Exception exception)
    {
        WHV_REGISTER_VALUE value = default;
        value.ExceptionEvent.EventPending = 1;
        value.ExceptionEvent.EventType = (uint)WHV_X64_PENDING_EVENT_TYPE.WHvX64PendingEventException;
        value.ExceptionEvent.DeliverErrorCode = WhpRegisters.Bit(exception.HasErrorCode);
        value.ExceptionEvent.Vector = exception.Vector;
        value.ExceptionEvent.ErrorCode = exception.ErrorCode;
        value.ExceptionEvent.ExceptionParameter = exception.Address;
        _registers.Set(WHV_REGISTER_NAME.WHvRegisterPendingEvent, value);
    }

    /// <summary>An instruction was completed here: the shadow that it stood in ends with it.</summary>
    internal void EndInterruptShadow()
    {
        WHV_REGISTER_VALUE state = _registers.Get(WHV_REGISTER_NAME.WHvRegisterInterruptState);
        state.InterruptState.InterruptShadow = 0;
        _registers.Set(WHV_REGISTER_NAME.WHvRegisterInterruptState, state);
    }

    /// <summary>Lets the platform halt the vCPU, where it wakes it too.</summary>
    internal bool TryHalt()
    {
        if (!_partition.HasLocalApic)
        {
            return false;
        }

        WHV_REGISTER_VALUE activity = default;
        activity.InternalActivity.HaltSuspend = 1;
        _registers.Set(WHV_REGISTER_NAME.WHvRegisterInternalActivityState, activity);
        return true;
    }

    /// <summary>Ends the sleep of a vCPU that the platform has halted.</summary>
    private void Wake()
    {
        WHV_REGISTER_VALUE activity = _registers.Get(WHV_REGISTER_NAME.WHvRegisterInternalActivityState);
        if (activity.InternalActivity.HaltSuspend != 0)
        {
            activity.InternalActivity.HaltSuspend = 0;
            _registers.Set(WHV_REGISTER_NAME.WHvRegisterInternalActivityState, activity);
        }
    }

    /// <summary>Delivers an NMI, or asks to hear when it can be.</summary>
    private void TryDeliverNmi()
    {
        _registers.Get([WHV_REGISTER_NAME.WHvRegisterPendingInterruption, WHV_REGISTER_NAME.WHvRegisterInterruptState]);
        bool canDeliver = _registers.Values[0].PendingInterruption.InterruptionPending == 0 && _registers.Values[1].InterruptState.NmiMasked == 0;
        if (canDeliver)
        {
            WHV_REGISTER_VALUE interruption = default;
            interruption.PendingInterruption.InterruptionPending = 1;
            interruption.PendingInterruption.InterruptionType = (uint)WHV_X64_PENDING_INTERRUPTION_TYPE.WHvX64PendingNmi;
            interruption.PendingInterruption.InterruptionVector = NmiVector;
            _registers.Set(WHV_REGISTER_NAME.WHvRegisterPendingInterruption, interruption);
            _pendingNmis--;
            if (_partition.HasLocalApic)
            {
                Wake();
            }
        }

        bool waits = _pendingNmis > 0;
        if (waits != _nmiWindowRequested)
        {
            _nmiWindowRequested = waits;
            WriteNotifications();
        }
    }

    private void WriteNotifications()
    {
        WHV_REGISTER_VALUE notifications = default;
        notifications.DeliverabilityNotifications.InterruptNotification = WhpRegisters.Bit(_windowRequested);
        notifications.DeliverabilityNotifications.NmiNotification = WhpRegisters.Bit(_nmiWindowRequested);
        _registers.Set(WHV_REGISTER_NAME.WHvX64RegisterDeliverabilityNotifications, notifications);
    }
}
