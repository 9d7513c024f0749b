using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <content>The interrupt chip, lines and messages.</content>
internal sealed partial class KvmX64Partition
{
    public override void SetInterruptLine(int line, bool asserted)
    {
        EnsureChip();
        kvm_irq_level level = new() { irq = (uint)line, level = asserted ? 1u : 0 };
        Descriptor.Control(KVM.KVM_IRQ_LINE, ref level, nameof(KVM.KVM_IRQ_LINE));
    }

    public override bool SendMsi(MsiMessage message)
    {
        EnsureChip();
        kvm_msi msi = new() { address_lo = (uint)message.Address, address_hi = (uint)(message.Address >> 32), data = message.Data };

        // More than 0: delivered; 0: the guest blocks it; -1 without an errno of its own: no vCPU has the destination.
        int result = Descriptor.TryControl(KVM.KVM_SIGNAL_MSI, ref msi, out int error);
        return result >= 0 || error is LibC.EPERM ? result > 0 : throw KvmError.FromErrno(nameof(KVM.KVM_SIGNAL_MSI), error);
    }

    private KvmPartitionState.Chips ChipOrNull()
    {
        EnsureChip();
        return new(Options.InterruptController == InterruptControllerMode.Full, Options.X64.TimerChip);
    }

    private protected override void CreateChip()
    {
        if (_host.HasIdentityMapAddress)
        {
            ulong address = IdentityMapAddress;
            Descriptor.Control(KVM.KVM_SET_IDENTITY_MAP_ADDR, ref address, nameof(KVM.KVM_SET_IDENTITY_MAP_ADDR));
        }

        if (_host.HasTaskStateAddress)
        {
            Descriptor.Control(KVM.KVM_SET_TSS_ADDR, s_taskStateAddress, nameof(KVM.KVM_SET_TSS_ADDR));
        }

        if (Options.InterruptController == InterruptControllerMode.PerVcpu)
        {
            Descriptor.EnableCapability(KVM.KVM_CAP_SPLIT_IRQCHIP, KVM.KVM_IOAPIC_NUM_PINS, nameof(KVM.KVM_CAP_SPLIT_IRQCHIP));
        }
        else if (Options.InterruptController == InterruptControllerMode.Full)
        {
            Descriptor.Control(KVM.KVM_CREATE_IRQCHIP, 0, nameof(KVM.KVM_CREATE_IRQCHIP));
            if (Options.X64.TimerChip)
            {
                // The speaker's port 0x61 goes to the kernel too: guests time themselves by it.
                kvm_pit_config pit = new() { flags = KVM.KVM_PIT_SPEAKER_DUMMY };
                Descriptor.Control(KVM.KVM_CREATE_PIT2, ref pit, nameof(KVM.KVM_CREATE_PIT2));
            }
        }
    }
}
