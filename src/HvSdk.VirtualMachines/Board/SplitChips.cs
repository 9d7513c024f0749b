using HvSdk.Devices;
using HvSdk.Devices.Emulated;

namespace HvSdk.VirtualMachines;

/// <summary>The host keeps each processor's local APIC; the I/O APIC, the 8259A pair and the 8254 are ours.</summary>
internal sealed class SplitChips : MachineChips, IIoApicOutput
{
    private readonly IoApic _ioApic;
    private readonly InterruptControllerPair _pics;
    private readonly IntervalTimer8254? _timer;
    private readonly MsiMessage?[] _levelRoutes = new MsiMessage?[LineCount];
    private readonly object _routeGate = new();
    private Partition? _partition;
    private Vcpu? _bootstrap;

    public SplitChips(bool timer, int processors)
    {
        _ioApic = new IoApic(this) { Id = Describe(processors).Id };
        _pics = new InterruptControllerPair(new ProcessorInterrupt(this));
        _timer = timer ? new IntervalTimer8254() : null;
    }

    public override InterruptControllerMode Mode => InterruptControllerMode.PerVcpu;

    public override void Configure(PartitionOptions options) => options.X64.TimerChip = false;

    public override void Plan(MachinePlan plan, Func<string, IPlatformDevice, DeviceSlot> addDevice)
    {
        addDevice("I/O APIC", _ioApic);
        addDevice("8259A pair", _pics);
        if (_timer is not null)
        {
            addDevice("8254 timer", _timer);
        }
    }

    public override void Connect(Partition partition, MachinePlan plan)
    {
        Volatile.Write(ref _partition, partition);
        foreach ((int number, InterruptWire wire) in plan.Wires)
        {
            wire.Connect(new ChipInputs(_ioApic.GetInput(number), number < InterruptControllerPair.InputCount ? _pics.GetInput(number) : null));
        }
    }

    /// <summary>The 8259A pair's interrupts go to the bootstrap processor alone (MultiProcessor Specification 1.4, 3.6.2.2: virtual wire).</summary>
    public override void BeforeRun(Vcpu vcpu)
    {
        if (vcpu.Index != 0)
        {
            return;
        }

        Volatile.Write(ref _bootstrap, vcpu);
        bool waits = false;
        if (_pics.HasInterrupt)
        {
            if (vcpu.X64.CanTakeInterrupt)
            {
                vcpu.X64.InjectInterrupt(_pics.Acknowledge());
                waits = _pics.HasInterrupt;
            }
            else
            {
                waits = true;
            }
        }

        vcpu.X64.RequestInterruptWindow(waits);
    }

    public override ExitDisposition Handle(Vcpu vcpu, in VcpuExit exit)
    {
        if (exit.Kind != VcpuExitKind.EndOfInterrupt)
        {
            return ExitDisposition.NotHandled;
        }

        _ioApic.EndOfInterrupt(exit.Vector);
        return ExitDisposition.Handled;
    }

    void IIoApicOutput.Send(MsiMessage message)
    {
        if (Volatile.Read(ref _partition) is { } partition)
        {
            partition.Interrupts.Send(message);
        }
    }

    /// <summary>Tells the host which vectors are level-triggered, so that it lets us know of their ends.</summary>
    void IIoApicOutput.SetLevelRoute(int input, MsiMessage? message)
    {
        lock (_routeGate)
        {
            if (_levelRoutes[input] == message || Volatile.Read(ref _partition) is not { } partition)
            {
                return;
            }

            _levelRoutes[input] = message;
            var routes = new List<InterruptRoute>();
            for (int line = 0; line < _levelRoutes.Length; line++)
            {
                if (_levelRoutes[line] is { } route)
                {
                    routes.Add(InterruptRoute.ToMessage(line, route));
                }
            }

            partition.Interrupts.SetRoutes(routes.ToArray());
        }
    }

    /// <summary>An input of the I/O APIC and that of the 8259A pair, where there is one, on the same line.</summary>
    private sealed class ChipInputs(IInterruptLine ioApic, IInterruptLine? pic) : IInterruptLine
    {
        public void Set(bool asserted)
        {
            ioApic.Set(asserted);
            pic?.Set(asserted);
        }
    }

    /// <summary>The pair's INTR: brings the bootstrap processor out of the guest, so that it takes the interrupt.</summary>
    private sealed class ProcessorInterrupt(SplitChips chips) : IInterruptLine
    {
        public void Set(bool asserted)
        {
            if (asserted)
            {
                Volatile.Read(ref chips._bootstrap)?.Cancel();
            }
        }
    }
}
