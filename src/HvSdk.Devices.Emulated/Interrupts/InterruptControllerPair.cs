namespace HvSdk.Devices.Emulated;

/// <summary>The two 8259A interrupt controllers of a PC, with their edge/level control registers. Any thread may call.</summary>
/// <remarks>
/// Sources: Intel 8259A data sheet; Intel 82371SB (PIIX3), 2.5.4 for the ELCR. All inputs are masked until the guest initializes a chip. The 8080
/// mode gives vectors as the 8086 mode does. What the pair asks of the CPU comes twice: as the level of the output, and as
/// <see cref="HasInterrupt"/> and <see cref="Acknowledge"/> for whoever injects the interrupt.
/// </remarks>
public sealed class InterruptControllerPair : IPlatformDevice
{
    /// <summary>How many inputs there are, the one that connects the chips included.</summary>
    public const int InputCount = 16;

    // IRQ 0, 1, 2 and 8, 13 are always edge-triggered (82371SB, 2.5.4.1 and 2.5.4.2).
    private const byte MasterLevelCapable = 0xF8;
    private const byte SlaveLevelCapable = 0xDE;

    private readonly Lock _gate = new();
    private readonly Pic8259A _master = new(isMaster: true, MasterLevelCapable);
    private readonly Pic8259A _slave = new(isMaster: false, SlaveLevelCapable);
    private readonly IInterruptLine? _output;
    private readonly Input[] _inputs = new Input[InputCount];
    private volatile bool _hasInterrupt;

    /// <summary>Makes the pair.</summary>
    /// <param name="output">The CPU's INTR: set when it changes, with the pair's lock held. Null: <see cref="HasInterrupt"/> is asked instead.</param>
    public InterruptControllerPair(IInterruptLine? output = null)
    {
        _output = output;
        for (int irq = 0; irq < InputCount; irq++)
        {
            _inputs[irq] = new Input(this, irq);
        }

        MasterPorts = new ChipPorts(this, _master);
        SlavePorts = new ChipPorts(this, _slave);
        EdgeLevelPorts = new EdgeLevelRegisters(this);
    }

    /// <summary>The master's first port.</summary>
    public ushort MasterPort { get; init; } = 0x20;

    /// <summary>The slave's first port.</summary>
    public ushort SlavePort { get; init; } = 0xA0;

    /// <summary>The first port of the edge/level control registers; null: the machine has none, and all inputs are edge-triggered.</summary>
    public ushort? EdgeLevelPort { get; init; } = 0x4D0;

    /// <summary>The two registers of the master.</summary>
    public IBusDevice MasterPorts { get; }

    /// <summary>The two registers of the slave.</summary>
    public IBusDevice SlavePorts { get; }

    /// <summary>The edge/level control registers, the master's first.</summary>
    public IBusDevice EdgeLevelPorts { get; }

    /// <summary>The pair asks the CPU for an interrupt: the level of its output.</summary>
    public bool HasInterrupt => _hasInterrupt;

    /// <summary>An input.</summary>
    /// <param name="irq">0 to 7 of the master, 8 to 15 of the slave; 2 is where the slave is connected, and what is set there is lost.</param>
    public IInterruptLine GetInput(int irq)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(irq);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(irq, InputCount);
        return _inputs[irq];
    }

    /// <summary>The CPU acknowledges the interrupt (INTA).</summary>
    /// <returns>The vector: of a spurious interrupt, IRQ 7 or 15, where the request has gone ("Interrupt Sequence").</returns>
    public byte Acknowledge()
    {
        lock (_gate)
        {
            int input = _master.Pending;
            byte vector = _master.Acknowledge(input);
            if (input == Pic8259A.CascadeInput)
            {
                vector = _slave.Acknowledge(_slave.Pending);
                LowerCascade();
            }

            Update();
            return vector;
        }
    }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        slot.MapPorts(MasterPort, 2, MasterPorts);
        slot.MapPorts(SlavePort, 2, SlavePorts);
        if (EdgeLevelPort is { } port)
        {
            slot.MapPorts(port, 2, EdgeLevelPorts);
        }

        // PNP0000: the AT interrupt controller.
        slot.Acpi = new AcpiIdentity { HardwareId = "PNP0000", Name = "PIC_" };
    }

    /// <summary>Takes the state out, the levels of the inputs included.</summary>
    public InterruptControllerPairState SaveState()
    {
        lock (_gate)
        {
            return new InterruptControllerPairState { Master = _master.SaveState(), Slave = _slave.SaveState() };
        }
    }

    /// <summary>Puts a state in, and sets the output to what follows from it.</summary>
    /// <param name="state">The state.</param>
    /// <exception cref="ArgumentException">It is not one; the text names the field.</exception>
    public void LoadState(InterruptControllerPairState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Master.Validate(nameof(state.Master));
        state.Slave.Validate(nameof(state.Slave));
        lock (_gate)
        {
            _master.LoadState(state.Master);
            _slave.LoadState(state.Slave);
            _master.SetInput(Pic8259A.CascadeInput, _slave.Pending >= 0);
            _hasInterrupt = _master.Pending >= 0;
            _output?.Set(_hasInterrupt);
        }
    }

    private void SetInput(int irq, bool asserted)
    {
        if (irq == Pic8259A.CascadeInput)
        {
            return;
        }

        lock (_gate)
        {
            (irq < 8 ? _master : _slave).SetInput(irq & 7, asserted);
            Update();
        }
    }

    /// <summary>The slave takes INT back when it is acknowledged, so that a further request of it is a new edge for the master.</summary>
    private void LowerCascade() => _master.SetInput(Pic8259A.CascadeInput, false);

    private void Update()
    {
        _master.SetInput(Pic8259A.CascadeInput, _slave.Pending >= 0);
        bool hasInterrupt = _master.Pending >= 0;
        if (hasInterrupt != _hasInterrupt)
        {
            _hasInterrupt = hasInterrupt;
            _output?.Set(hasInterrupt);
        }
    }

    private sealed class Input(InterruptControllerPair owner, int irq) : IInterruptLine
    {
        public void Set(bool asserted) => owner.SetInput(irq, asserted);
    }

    private sealed class ChipPorts(InterruptControllerPair owner, Pic8259A chip) : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data)
        {
            lock (owner._gate)
            {
                for (int i = 0; i < data.Length; i++)
                {
                    data[i] = chip.Read((int)((offset + (uint)i) & 1), out bool isAcknowledge);
                    if (isAcknowledge)
                    {
                        if (chip == owner._slave)
                        {
                            owner.LowerCascade();
                        }

                        owner.Update();
                    }
                }
            }
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            lock (owner._gate)
            {
                for (int i = 0; i < data.Length; i++)
                {
                    chip.Write((int)((offset + (uint)i) & 1), data[i]);
                }

                owner.Update();
            }
        }
    }

    private sealed class EdgeLevelRegisters(InterruptControllerPair owner) : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data)
        {
            lock (owner._gate)
            {
                for (int i = 0; i < data.Length; i++)
                {
                    data[i] = Chip(offset, i).EdgeLevel;
                }
            }
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            lock (owner._gate)
            {
                for (int i = 0; i < data.Length; i++)
                {
                    Chip(offset, i).EdgeLevel = data[i];
                }

                owner.Update();
            }
        }

        private Pic8259A Chip(ulong offset, int index) => ((offset + (uint)index) & 1) == 0 ? owner._master : owner._slave;
    }
}
