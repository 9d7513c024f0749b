using HvSdk.Devices;
using HvSdk.Devices.Emulated;

namespace HvSdk.VirtualMachines;

/// <summary>The host keeps no GIC: ours decides what reaches a processor, and a processor that waits for an interrupt sleeps here.</summary>
internal sealed class EmulatedGic : GicChips, IGicV3Output
{
    /// <summary>The virtual timer's private interrupt, as the device tree names it.</summary>
    private const int TimerInterrupt = 27;

    /// <summary>ID_AA64PFR0_EL1.GIC: the interface is reached by system registers (Arm ARM, D19.2.64).</summary>
    private const int GicFieldShift = 24;

    private readonly GicV3 _gic;
    private readonly ProcessorInputs[] _processors;

    public EmulatedGic(Arm64GicLayout layout, int processors)
        : base(layout)
    {
        _gic = new GicV3(processors, this) { Layout = layout };
        _processors = new ProcessorInputs[processors];
        for (int i = 0; i < processors; i++)
        {
            _processors[i] = new ProcessorInputs();
        }
    }

    public override int Lines => _gic.SharedInterruptCount;

    public override InterruptControllerMode Mode => InterruptControllerMode.None;

    /// <summary>The registers of the interface leave, and with them all that nobody knows.</summary>
    public override void Configure(PartitionOptions options) => options.Arm64.UnknownRegisters = Arm64UnknownRegisterPolicy.Exit;

    public override void Plan(MachinePlan plan, Func<string, IPlatformDevice, DeviceSlot> addDevice) => addDevice("GIC", _gic);

    public override void Connect(Partition partition, MachinePlan plan)
    {
        foreach ((int number, InterruptWire wire) in plan.Wires)
        {
            wire.Connect(_gic.GetInput(number));
        }
    }

    public override void Prepare(Vcpu vcpu)
    {
        ulong features = vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.IdAa64Pfr0El1) & ~(0xFUL << GicFieldShift);
        vcpu.Arm64.SetSystemRegister(Arm64SystemRegister.IdAa64Pfr0El1, features | (1UL << GicFieldShift));
        _processors[vcpu.Index].Attach(vcpu);
    }

    public override void Release(Vcpu vcpu) => _processors[vcpu.Index].Detach();

    public override void BeforeRun(Vcpu vcpu) => _processors[vcpu.Index].Apply();

    public override ExitDisposition Handle(Vcpu vcpu, in VcpuExit exit)
    {
        ProcessorInputs processor = _processors[vcpu.Index];
        SettleTimer(vcpu, processor);
        ExitDisposition disposition = ExitDisposition.Handled;
        switch (exit.Kind)
        {
            case VcpuExitKind.RegisterRead:
                if (_gic.TryReadRegister(vcpu.Index, new Arm64SystemRegister((ushort)exit.RegisterIndex), out ulong value))
                {
                    exit.SetValue(value);
                }
                else
                {
                    exit.Fault();
                }

                break;
            case VcpuExitKind.RegisterWrite:
                if (!_gic.TryWriteRegister(vcpu.Index, new Arm64SystemRegister((ushort)exit.RegisterIndex), exit.Value))
                {
                    exit.Fault();
                }

                break;
            case VcpuExitKind.Timer: // masked by the host from here on
                processor.IsTimerAsserted = true;
                _gic.SetPrivateInterrupt(vcpu.Index, TimerInterrupt, true);
                break;
            case VcpuExitKind.Halt:
                processor.Sleep();
                break;
            default:
                disposition = ExitDisposition.NotHandled;
                break;
        }

        processor.Apply();
        return disposition;
    }

    public override void Wake(int processor) => _processors[processor].Wake();

    void IGicV3Output.SetInput(int processor, Arm64InterruptInput input, bool asserted) => _processors[processor].Set(input, asserted);

    /// <summary>
    /// A guest sets its timer without an exit. Whenever it leaves for something else, the end of the timer's interrupt for one, the level follows the timer, and
    /// the host may tell of the next expiry.
    /// </summary>
    private void SettleTimer(Vcpu vcpu, ProcessorInputs processor)
    {
        if (processor.IsTimerAsserted && vcpu.Arm64.GetVirtualTimerDelay() != TimeSpan.Zero)
        {
            processor.IsTimerAsserted = false;
            _gic.SetPrivateInterrupt(vcpu.Index, TimerInterrupt, false);
            vcpu.Arm64.IsVirtualTimerMasked = false;
        }
    }
}
