using static HvSdk.Devices.Emulated.GicBits;

namespace HvSdk.Devices.Emulated;

/// <summary>A GICv3 for hosts that keep none (Arm IHI 0069H): distributor, redistributors, and the processors' interfaces, which a guest reaches by system registers.</summary>
/// <remarks>
/// <para>
/// One Security state (GICD_CTLR.DS), affinity routing always on, both groups, 32 levels of priority, SGIs, PPIs and shared interrupts, end of interrupt in one step or
/// two. Not there: LPIs and the ITS, message-based shared interrupts, 1 of N routing, the extended ranges of INTIDs, the memory-mapped interface of a GICv2.
/// </para>
/// <para>
/// A partition for it is made with <see cref="InterruptControllerMode.None"/> and <see cref="Arm64UnknownRegisterPolicy.Exit"/>; its run loop gives accesses to
/// ICC_* registers to <see cref="TryReadRegister"/> and <see cref="TryWriteRegister"/>, and the virtual timer's exit to <see cref="SetPrivateInterrupt"/>. The machines of
/// HvSdk.VirtualMachines do it by themselves. Any thread may call any member.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// var gic = new GicV3(processors: 2, output);
/// partition.Mmio.Map(gic.Layout.DistributorAddress, Arm64GicLayout.DistributorSize, gic.Distributor);
/// partition.Mmio.Map(gic.Layout.RedistributorAddress, 2 * Arm64GicLayout.RedistributorSize, gic.Redistributors);
/// serial.Interrupt = gic.GetInput(1);
/// </code>
/// </example>
public sealed partial class GicV3 : IPlatformDevice
{
    private const int MaxProcessors = 512;

    private readonly Lock _gate = new();
    private readonly IGicV3Output _output;
    private readonly GicInterrupts _shared;
    private readonly GicProcessor[] _processors;
    private readonly ulong[] _routes;
    private readonly Input[] _inputs;
    private uint _control;

    /// <summary>Makes a GIC as after a reset: everything off.</summary>
    /// <param name="processors">How many processors it serves, 1 to 512. Their affinities are those of <see cref="Arm64Vcpu.GetAffinity"/>.</param>
    /// <param name="output">Where its interrupts go.</param>
    /// <param name="sharedInterrupts">How many shared interrupts it has: a multiple of 32, 32 to 960. SPI 0 is INTID 32.</param>
    public GicV3(int processors, IGicV3Output output, int sharedInterrupts = 224)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (processors is < 1 or > MaxProcessors)
        {
            throw new ArgumentOutOfRangeException(nameof(processors), processors, $"A GIC of {processors} processors cannot be made. Use 1 to {MaxProcessors}.");
        }

        if (sharedInterrupts is < WordBits or > SharedLimit - PrivateCount || sharedInterrupts % WordBits != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(sharedInterrupts), sharedInterrupts, $"{sharedInterrupts} shared interrupts cannot be had. Use a multiple of {WordBits} from {WordBits} to 960.");
        }

        _output = output;
        _shared = new GicInterrupts(sharedInterrupts / WordBits, 0);
        _processors = new GicProcessor[processors];
        for (int i = 0; i < processors; i++)
        {
            _processors[i] = new GicProcessor(i, _shared.Words);
        }

        _routes = new ulong[sharedInterrupts];
        Array.Fill(_processors[0].Routed, uint.MaxValue); // a route of 0 is that of the first processor
        _inputs = new Input[sharedInterrupts];
        for (int i = 0; i < sharedInterrupts; i++)
        {
            _inputs[i] = new Input(this, i);
        }

        Distributor = new DistributorFrame(this);
        Redistributors = new RedistributorFrames(this);
    }

    /// <summary>How many shared interrupts it has.</summary>
    public int SharedInterruptCount => _routes.Length;

    /// <summary>Where a machine puts its frames. The MSI frame has to be null.</summary>
    public Arm64GicLayout Layout
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            field = value.MsiFrame is null
                ? value
                : throw new ArgumentException($"{nameof(GicV3)} has no message-based interrupts. Leave {nameof(Arm64GicLayout.MsiFrame)} null.", nameof(value));
        }
    } = new();

    /// <summary>The distributor's registers: <see cref="Arm64GicLayout.DistributorSize"/> bytes.</summary>
    public IBusDevice Distributor { get; }

    /// <summary>The redistributors' registers, one after the other: <see cref="Arm64GicLayout.RedistributorSize"/> bytes for each processor.</summary>
    public IBusDevice Redistributors { get; }

    /// <summary>The input of a shared interrupt.</summary>
    /// <param name="line">Its number: 0 is INTID 32.</param>
    public IInterruptLine GetInput(int line)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(line);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(line, _inputs.Length);
        return _inputs[line];
    }

    /// <summary>Sets the input of a private peripheral interrupt.</summary>
    /// <param name="processor">Whose it is.</param>
    /// <param name="interruptId">Its INTID, 16 to 31.</param>
    /// <param name="asserted">Its level.</param>
    public void SetPrivateInterrupt(int processor, int interruptId, bool asserted)
    {
        GicProcessor target = Require(processor);
        if (interruptId is < SgiCount or >= PrivateCount)
        {
            throw new ArgumentOutOfRangeException(nameof(interruptId), interruptId, $"Private peripheral interrupts have INTIDs {SgiCount} to {PrivateCount - 1}, and this is {interruptId}.");
        }

        lock (_gate)
        {
            target.Private.SetLine(interruptId, asserted);
            Update(target);
        }
    }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        slot.MapMmio(Layout.DistributorAddress, Arm64GicLayout.DistributorSize, Distributor);
        slot.MapMmio(Layout.RedistributorAddress, Arm64GicLayout.RedistributorSize * (ulong)_processors.Length, Redistributors);
    }

    /// <summary>Takes the state out, the levels of the inputs included.</summary>
    public GicV3State SaveState()
    {
        lock (_gate)
        {
            return new GicV3State
            {
                Control = _control,
                Shared = _shared.Save(),
                Routes = [.. _routes],
                Processors = Array.ConvertAll(_processors, static processor => processor.Interface.Save(processor.Private.Save(), processor.IsAsleep)),
            };
        }
    }

    /// <summary>Puts a state in, of a GIC with as many processors and interrupts.</summary>
    /// <param name="state">The state.</param>
    /// <exception cref="ArgumentException">It is not one; the text names the field. Nothing has changed.</exception>
    public void LoadState(GicV3State state)
    {
        ArgumentNullException.ThrowIfNull(state);
        StateField.Require(state.Control, 0, EnableGroup0 | EnableGroup1, nameof(state.Control));
        StateField.RequireCount(state.Routes, _routes.Length, nameof(state.Routes));
        StateField.RequireCount(state.Processors, _processors.Length, nameof(state.Processors));
        _shared.Check(state.Shared, nameof(state.Shared));
        foreach (GicV3ProcessorState processor in state.Processors)
        {
            _processors[0].Private.Check(processor.Private, nameof(processor.Private));
            GicInterface.Check(processor);
        }

        lock (_gate)
        {
            _control = state.Control;
            _shared.Load(state.Shared);
            for (int line = 0; line < _routes.Length; line++)
            {
                SetRoute(line, state.Routes[line]);
            }

            for (int i = 0; i < _processors.Length; i++)
            {
                _processors[i].Private.Load(state.Processors[i].Private);
                _processors[i].Interface.Load(state.Processors[i]);
                _processors[i].IsAsleep = state.Processors[i].IsAsleep;
            }

            UpdateAll();
        }
    }

    private GicProcessor Require(int processor) => (uint)processor < (uint)_processors.Length
        ? _processors[processor]
        : throw new ArgumentOutOfRangeException(nameof(processor), processor, $"There is no processor {processor}; this GIC has 0 to {_processors.Length - 1}.");

    private void SetInput(int line, bool asserted)
    {
        lock (_gate)
        {
            _shared.SetLine(line, asserted);
            foreach (GicProcessor processor in _processors)
            {
                if ((processor.Routed[line / WordBits] & (1u << (line % WordBits))) != 0)
                {
                    Update(processor);
                }
            }
        }
    }

    private void UpdateAll()
    {
        foreach (GicProcessor processor in _processors)
        {
            Update(processor);
        }
    }

    /// <summary>Sets a processor's inputs by the most urgent interrupt that it can take now.</summary>
    private void Update(GicProcessor processor)
    {
        uint interrupt = processor.FindPending(_shared, _control, out byte priority, out bool group1);
        bool isSignaled = interrupt != Spurious && processor.Interface.CanTake(priority, group1);
        bool irq = isSignaled && group1;
        bool fiq = isSignaled && !group1;
        if (processor.IsIrqAsserted != irq)
        {
            processor.IsIrqAsserted = irq;
            _output.SetInput(processor.Index, Arm64InterruptInput.Irq, irq);
        }

        if (processor.IsFiqAsserted != fiq)
        {
            processor.IsFiqAsserted = fiq;
            _output.SetInput(processor.Index, Arm64InterruptInput.Fiq, fiq);
        }
    }

    private sealed class Input(GicV3 owner, int line) : IInterruptLine
    {
        public void Set(bool asserted) => owner.SetInput(line, asserted);
    }
}
