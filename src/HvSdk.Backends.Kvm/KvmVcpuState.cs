using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>All state of a vCPU, saved and loaded in the order that the kernel needs.</summary>
internal static class KvmVcpuState
{
    internal static X64VcpuState Save(KvmX64Vcpu x64, SafeFd vcpu, KvmX64Partition partition)
    {
        // The activity first: asking for it lets the kernel act on an INIT or start-up IPI that has arrived, which changes the rest.
        X64ActivityState activity = ReadActivity(vcpu);
        x64.GetRegisters(out X64Registers registers);
        x64.GetSpecialRegisters(out X64SpecialRegisters special);
        x64.GetDebugRegisters(out X64DebugRegisters debug);
        return new X64VcpuState
        {
            Activity = activity,
            Registers = registers,
            SpecialRegisters = special,
            DebugRegisters = debug,
            Xsave = x64.GetXsave(),
            Xcrs = x64.GetXcrs(),
            Msrs = ReadMsrs(vcpu, partition),
            Events = ReadEvents(vcpu),
            LocalApic = partition.HasLocalApic ? ReadLocalApic(vcpu) : null,
        };
    }

    /// <summary>
    /// The local APIC needs the APIC base of the special registers; MSRs come after both (the TSC deadline needs the APIC's timer mode);
    /// events come last, for setting registers clears some.
    /// </summary>
    internal static void Load(KvmX64Vcpu x64, SafeFd vcpu, KvmX64Partition partition, X64VcpuState state)
    {
        WriteActivity(vcpu, state.Activity);
        x64.SetXcrs(state.Xcrs);
        x64.SetSpecialRegisters(state.SpecialRegisters);
        x64.SetRegisters(state.Registers);
        x64.SetXsave(state.Xsave);
        x64.SetDebugRegisters(state.DebugRegisters);
        if (state.LocalApic is not null)
        {
            WriteLocalApic(vcpu, state.LocalApic);
        }

        WriteMsrs(vcpu, state.Msrs);
        WriteEvents(vcpu, state.Events, partition.Platform.HasExceptionPayload);
    }

    /// <summary>Reads all that the kernel lists; it lists some that it does not let be read, which hold no state then.</summary>
    private static X64MsrValue[] ReadMsrs(SafeFd vcpu, KvmX64Partition partition)
    {
        ReadOnlySpan<uint> indexes = [.. partition.Platform.X64Host.GetMsrIndexes()];
        var result = new List<X64MsrValue>(indexes.Length);
        Span<ulong> values = new ulong[indexes.Length];
        int unreadable = 0;
        while (!indexes.IsEmpty)
        {
            int read = KvmMsrs.Read(vcpu, indexes, values);
            for (int i = 0; i < read; i++)
            {
                result.Add(new X64MsrValue(indexes[i], values[i]));
            }

            if (read == indexes.Length)
            {
                break;
            }

            unreadable++;
            indexes = indexes[(read + 1)..];
        }

        if (unreadable > 0)
        {
            Log.UnreadableMsrs(partition.Host.Logger, unreadable);
        }

        return [.. result];
    }

    /// <summary>Writes all; one that the kernel refuses and that has the value already needs no writing.</summary>
    private static void WriteMsrs(SafeFd vcpu, X64MsrValue[] msrs)
    {
        ReadOnlySpan<X64MsrValue> remaining = [.. msrs.OrderBy(static msr => msr.Index == X64MsrIndex.TscDeadline)];
        while (!remaining.IsEmpty)
        {
            int written = KvmMsrs.Write(vcpu, remaining);
            if (written == remaining.Length)
            {
                return;
            }

            X64MsrValue refused = remaining[written];
            ulong current = 0;
            bool isKnown = KvmMsrs.Read(vcpu, [refused.Index], new Span<ulong>(ref current)) == 1;
            if (!isKnown || current != refused.Value)
            {
                throw KvmError.Create(
                    nameof(KVM.KVM_SET_MSRS),
                    LibC.EINVAL,
                    $"KVM refuses 0x{refused.Value:X} for MSR 0x{refused.Index:X}{(isKnown ? $", which holds 0x{current:X}" : ", which it does not know")}.");
            }

            remaining = remaining[(written + 1)..];
        }
    }

    private static X64PendingEvents ReadEvents(SafeFd vcpu)
    {
        kvm_vcpu_events events = default;
        vcpu.Control(KVM.KVM_GET_VCPU_EVENTS, ref events, nameof(KVM.KVM_GET_VCPU_EVENTS));
        bool hasException = events.exception.injected != 0 || events.exception.pending != 0;
        return new X64PendingEvents
        {
            ExceptionVector = hasException ? events.exception.nr : null,
            ExceptionInjected = events.exception.injected != 0,
            ExceptionErrorCode = hasException && events.exception.has_error_code != 0 ? events.exception.error_code : null,
            ExceptionPayload = hasException && events.exception_has_payload != 0 ? events.exception_payload : null,
            InterruptVector = events.interrupt.injected != 0 ? events.interrupt.nr : null,
            InterruptIsSoftware = events.interrupt.injected != 0 && events.interrupt.soft != 0,
            BlockedByMovSs = (events.interrupt.shadow & KVM.KVM_X86_SHADOW_INT_MOV_SS) != 0,
            BlockedBySti = (events.interrupt.shadow & KVM.KVM_X86_SHADOW_INT_STI) != 0,
            NmiInjected = events.nmi.injected != 0,
            NmiPending = events.nmi.pending,
            NmiMasked = events.nmi.masked != 0,
            StartupVector = (events.flags & KVM.KVM_VCPUEVENT_VALID_SIPI_VECTOR) != 0 ? (byte)events.sipi_vector : null,
            InSystemManagementMode = events.smi.smm != 0,
            SmiPending = events.smi.pending != 0,
        };
    }

    private static void WriteEvents(SafeFd vcpu, X64PendingEvents state, bool hasPayload)
    {
        bool isPending = state.ExceptionVector is not null && !state.ExceptionInjected;
        kvm_vcpu_events events = new()
        {
            // Without payloads the kernel knows no pending exception: injecting it comes to the same for the guest.
            flags = KVM.KVM_VCPUEVENT_VALID_NMI_PENDING | KVM.KVM_VCPUEVENT_VALID_SHADOW
                | (state.StartupVector is null ? 0 : KVM.KVM_VCPUEVENT_VALID_SIPI_VECTOR)
                | (state.InSystemManagementMode || state.SmiPending ? KVM.KVM_VCPUEVENT_VALID_SMM : 0)
                | (hasPayload ? KVM.KVM_VCPUEVENT_VALID_PAYLOAD : 0),
            sipi_vector = state.StartupVector ?? 0,
            exception_has_payload = KvmBits.From(hasPayload && isPending && state.ExceptionPayload is not null),
            exception_payload = state.ExceptionPayload ?? 0,
        };
        events.exception.nr = state.ExceptionVector ?? 0;
        events.exception.injected = KvmBits.From(state.ExceptionVector is not null && (state.ExceptionInjected || !hasPayload));
        events.exception.pending = KvmBits.From(isPending && hasPayload);
        events.exception.has_error_code = KvmBits.From(state.ExceptionErrorCode is not null);
        events.exception.error_code = state.ExceptionErrorCode ?? 0;
        events.interrupt.injected = KvmBits.From(state.InterruptVector is not null);
        events.interrupt.nr = state.InterruptVector ?? 0;
        events.interrupt.soft = KvmBits.From(state.InterruptIsSoftware);
        events.interrupt.shadow = (byte)((state.BlockedByMovSs ? KVM.KVM_X86_SHADOW_INT_MOV_SS : 0) | (state.BlockedBySti ? KVM.KVM_X86_SHADOW_INT_STI : 0));
        events.nmi.injected = KvmBits.From(state.NmiInjected);
        events.nmi.pending = (byte)state.NmiPending;
        events.nmi.masked = KvmBits.From(state.NmiMasked);
        events.smi.smm = KvmBits.From(state.InSystemManagementMode);
        events.smi.pending = KvmBits.From(state.SmiPending);
        vcpu.Control(KVM.KVM_SET_VCPU_EVENTS, ref events, nameof(KVM.KVM_SET_VCPU_EVENTS));
    }

    internal static X64ActivityState ReadActivity(SafeFd vcpu)
    {
        kvm_mp_state native = default;
        vcpu.Control(KVM.KVM_GET_MP_STATE, ref native, nameof(KVM.KVM_GET_MP_STATE));
        return native.mp_state switch
        {
            KVM.KVM_MP_STATE_UNINITIALIZED => X64ActivityState.WaitForInit,
            KVM.KVM_MP_STATE_INIT_RECEIVED => X64ActivityState.WaitForStartup,
            KVM.KVM_MP_STATE_HALTED => X64ActivityState.Halted,
            KVM.KVM_MP_STATE_SIPI_RECEIVED => X64ActivityState.StartupReceived,
            _ => X64ActivityState.Running,
        };
    }

    private static void WriteActivity(SafeFd vcpu, X64ActivityState activity)
    {
        kvm_mp_state native = new()
        {
            mp_state = activity switch
            {
                X64ActivityState.WaitForInit => KVM.KVM_MP_STATE_UNINITIALIZED,
                X64ActivityState.WaitForStartup => KVM.KVM_MP_STATE_INIT_RECEIVED,
                X64ActivityState.Halted => KVM.KVM_MP_STATE_HALTED,
                X64ActivityState.StartupReceived => KVM.KVM_MP_STATE_SIPI_RECEIVED,
                _ => KVM.KVM_MP_STATE_RUNNABLE,
            },
        };
        vcpu.Control(KVM.KVM_SET_MP_STATE, ref native, nameof(KVM.KVM_SET_MP_STATE));
    }

    private static byte[] ReadLocalApic(SafeFd vcpu)
    {
        kvm_lapic_state native = default;
        vcpu.Control(KVM.KVM_GET_LAPIC, ref native, nameof(KVM.KVM_GET_LAPIC));
        return ((ReadOnlySpan<byte>)native.regs).ToArray();
    }

    private static void WriteLocalApic(SafeFd vcpu, byte[] registers)
    {
        kvm_lapic_state native = default;
        registers.CopyTo((Span<byte>)native.regs);
        vcpu.Control(KVM.KVM_SET_LAPIC, ref native, nameof(KVM.KVM_SET_LAPIC));
    }
}
