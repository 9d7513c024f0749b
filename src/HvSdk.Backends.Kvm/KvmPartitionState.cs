using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>Between <see cref="PartitionState"/> and the structures of the interrupt chips, the timer and the clock.</summary>
internal static class KvmPartitionState
{
    /// <summary>Which chips the kernel keeps.</summary>
    internal readonly record struct Chips(bool InterruptChips, bool Timer);

    internal static PartitionState Save(SafeFd partition, Chips chips) => new()
    {
        ClockNanoseconds = partition.CheckExtension(KVM.KVM_CAP_ADJUST_CLOCK) > 0 ? ReadClock(partition) : null,
        X64InterruptController = chips.InterruptChips
            ? new X64InterruptControllerState
            {
                PrimaryPic = ReadPic(partition, KVM.KVM_IRQCHIP_PIC_MASTER),
                SecondaryPic = ReadPic(partition, KVM.KVM_IRQCHIP_PIC_SLAVE),
                IoApic = ReadIoApic(partition),
                Pit = chips.Timer ? ReadPit(partition) : null,
            }
            : null,
    };

    internal static void Load(SafeFd partition, Chips chips, PartitionState state)
    {
        X64InterruptControllerState? controller = state.X64InterruptController;
        if ((controller is not null) != chips.InterruptChips || (controller?.Pit is not null) != chips.Timer)
        {
            throw new ArgumentException(
                "The state and the partition keep different interrupt chips or timers. Create the partition with the options of the one that the state comes from.",
                nameof(state));
        }

        if (controller is not null)
        {
            WritePic(partition, KVM.KVM_IRQCHIP_PIC_MASTER, Require(controller.PrimaryPic, "the master 8259A"));
            WritePic(partition, KVM.KVM_IRQCHIP_PIC_SLAVE, Require(controller.SecondaryPic, "the slave 8259A"));
            WriteIoApic(partition, Require(controller.IoApic, "the I/O APIC"));
        }

        if (controller?.Pit is { } pit)
        {
            WritePit(partition, pit);
        }

        if (state.ClockNanoseconds is { } clock && partition.CheckExtension(KVM.KVM_CAP_ADJUST_CLOCK) > 0)
        {
            kvm_clock_data data = new() { clock = clock };
            partition.Control(KVM.KVM_SET_CLOCK, ref data, nameof(KVM.KVM_SET_CLOCK));
        }
    }

    private static T Require<T>(T? part, string name)
        where T : class => part ?? throw new ArgumentException($"The state does not hold {name}.", nameof(part));

    private static ulong ReadClock(SafeFd partition)
    {
        kvm_clock_data data = default;
        partition.Control(KVM.KVM_GET_CLOCK, ref data, nameof(KVM.KVM_GET_CLOCK));
        return data.clock;
    }

    private static kvm_irqchip ReadChip(SafeFd partition, uint number)
    {
        kvm_irqchip chip = new() { chip_id = number };
        partition.Control(KVM.KVM_GET_IRQCHIP, ref chip, nameof(KVM.KVM_GET_IRQCHIP));
        return chip;
    }

    private static X64PicState ReadPic(SafeFd partition, uint number)
    {
        kvm_pic_state pic = ReadChip(partition, number).chip.pic;
        return new X64PicState
        {
            LastInputs = pic.last_irr,
            Requests = pic.irr,
            Mask = pic.imr,
            InService = pic.isr,
            HighestPriority = pic.priority_add,
            VectorBase = pic.irq_base,
            ReadsInService = pic.read_reg_select != 0,
            Poll = pic.poll != 0,
            SpecialMask = pic.special_mask != 0,
            InitState = pic.init_state,
            AutoEoi = pic.auto_eoi != 0,
            RotateOnAutoEoi = pic.rotate_on_auto_eoi != 0,
            SpecialFullyNested = pic.special_fully_nested_mode != 0,
            FourInitWords = pic.init4 != 0,
            LevelTriggered = pic.elcr,
            LevelTriggeredMask = pic.elcr_mask,
        };
    }

    private static void WritePic(SafeFd partition, uint number, X64PicState state)
    {
        kvm_irqchip chip = new() { chip_id = number };
        chip.chip.pic = new kvm_pic_state
        {
            last_irr = state.LastInputs,
            irr = state.Requests,
            imr = state.Mask,
            isr = state.InService,
            priority_add = state.HighestPriority,
            irq_base = state.VectorBase,
            read_reg_select = KvmBits.From(state.ReadsInService),
            poll = KvmBits.From(state.Poll),
            special_mask = KvmBits.From(state.SpecialMask),
            init_state = state.InitState,
            auto_eoi = KvmBits.From(state.AutoEoi),
            rotate_on_auto_eoi = KvmBits.From(state.RotateOnAutoEoi),
            special_fully_nested_mode = KvmBits.From(state.SpecialFullyNested),
            init4 = KvmBits.From(state.FourInitWords),
            elcr = state.LevelTriggered,
            elcr_mask = state.LevelTriggeredMask,
        };
        partition.Control(KVM.KVM_SET_IRQCHIP, ref chip, nameof(KVM.KVM_SET_IRQCHIP));
    }

    private static X64IoApicState ReadIoApic(SafeFd partition)
    {
        kvm_ioapic_state ioapic = ReadChip(partition, KVM.KVM_IRQCHIP_IOAPIC).chip.ioapic;
        return new X64IoApicState
        {
            BaseAddress = ioapic.base_address,
            RegisterSelect = ioapic.ioregsel,
            Id = ioapic.id,
            Requests = ioapic.irr,
            Redirections = ((ReadOnlySpan<ulong>)ioapic.redirtbl).ToArray(),
        };
    }

    private static void WriteIoApic(SafeFd partition, X64IoApicState state)
    {
        if (state.Redirections.Length != (int)KVM.KVM_IOAPIC_NUM_PINS)
        {
            throw new ArgumentException($"The I/O APIC has {KVM.KVM_IOAPIC_NUM_PINS} redirection entries, and the state {state.Redirections.Length}.", nameof(state));
        }

        kvm_irqchip chip = new() { chip_id = KVM.KVM_IRQCHIP_IOAPIC };
        chip.chip.ioapic = new kvm_ioapic_state { base_address = state.BaseAddress, ioregsel = state.RegisterSelect, id = state.Id, irr = state.Requests };
        state.Redirections.CopyTo((Span<ulong>)chip.chip.ioapic.redirtbl);
        partition.Control(KVM.KVM_SET_IRQCHIP, ref chip, nameof(KVM.KVM_SET_IRQCHIP));
    }

    private static X64PitState ReadPit(SafeFd partition)
    {
        kvm_pit_state2 pit = default;
        partition.Control(KVM.KVM_GET_PIT2, ref pit, nameof(KVM.KVM_GET_PIT2));
        return new X64PitState
        {
            Channels = Array.ConvertAll(((ReadOnlySpan<kvm_pit_channel_state>)pit.channels).ToArray(), FromNative),
            HpetLegacy = (pit.flags & KVM.KVM_PIT_FLAGS_HPET_LEGACY) != 0,
            SpeakerDataOn = (pit.flags & KVM.KVM_PIT_FLAGS_SPEAKER_DATA_ON) != 0,
        };
    }

    private static void WritePit(SafeFd partition, X64PitState state)
    {
        const int channels = 3;
        if (state.Channels.Length != channels)
        {
            throw new ArgumentException($"The timer has {channels} counters, and the state {state.Channels.Length}.", nameof(state));
        }

        kvm_pit_state2 pit = new()
        {
            flags = (state.HpetLegacy ? KVM.KVM_PIT_FLAGS_HPET_LEGACY : 0) | (state.SpeakerDataOn ? KVM.KVM_PIT_FLAGS_SPEAKER_DATA_ON : 0),
        };
        for (int i = 0; i < channels; i++)
        {
            pit.channels[i] = ToNative(state.Channels[i]);
        }

        partition.Control(KVM.KVM_SET_PIT2, ref pit, nameof(KVM.KVM_SET_PIT2));
    }

    private static X64PitChannelState FromNative(kvm_pit_channel_state channel) => new()
    {
        Count = channel.count,
        LatchedCount = channel.latched_count,
        CountLatched = channel.count_latched,
        StatusLatched = channel.status_latched != 0,
        Status = channel.status,
        ReadState = channel.read_state,
        WriteState = channel.write_state,
        WriteLatch = channel.write_latch,
        AccessMode = channel.rw_mode,
        Mode = channel.mode,
        Bcd = channel.bcd != 0,
        Gate = channel.gate != 0,
        CountLoadTime = channel.count_load_time,
    };

    private static kvm_pit_channel_state ToNative(X64PitChannelState channel) => new()
    {
        count = channel.Count,
        latched_count = channel.LatchedCount,
        count_latched = channel.CountLatched,
        status_latched = KvmBits.From(channel.StatusLatched),
        status = channel.Status,
        read_state = channel.ReadState,
        write_state = channel.WriteState,
        write_latch = channel.WriteLatch,
        rw_mode = channel.AccessMode,
        mode = channel.Mode,
        bcd = KvmBits.From(channel.Bcd),
        gate = KvmBits.From(channel.Gate),
        count_load_time = channel.CountLoadTime,
    };
}
