using Iced.Intel;

namespace HvSdk.Testing;

/// <summary>A guest of a few instructions: its code, the tables it needs, and the registers it starts with.</summary>
/// <remarks>
/// The host puts the vCPU straight into the wanted mode, so no instruction is spent on the way there. Interrupts are off at the start, and
/// all general registers but the stack pointer are 0. Labels serve jumps and calls in every mode, and as addresses of data in long mode
/// alone: elsewhere data lies at an address of the author's choice, written by <see cref="GuestMemory"/>.
/// <para>
/// An application processor starts a real-mode program through a start-up IPI, without <see cref="Start"/>, where the program lies on a
/// page of 4 KiB below 1 MiB (<see cref="SipiVector"/>). It enters with CS = address / 16, IP = 0 and all other segments and the stack
/// pointer 0; jumps and calls, being relative, work as they are.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// GuestProgram hello = GuestProgram.RealMode(a =>
/// {
///     a.mov(al, 'H');
///     a.@out(0xE9, al);
///     a.hlt();
/// });
/// hello.LoadInto(partition.Memory);
/// hello.Start(vcpu);
/// </code>
/// </example>
public sealed class GuestProgram
{
    private const ulong SipiPageSize = 0x1000;

    private GuestProgram(GuestMode mode, GuestLayout layout, AssembledGuest guest, ulong entryPoint)
    {
        if (guest.Code.IsEmpty)
        {
            throw new ArgumentException("A program has at least one instruction.");
        }

        Mode = mode;
        Code = guest.Code;
        LoadAddress = layout.CodeAddress;
        EntryPoint = entryPoint;
        Symbols = guest.Symbols;

        List<GuestImagePart> tables = GuestTables.Create(mode, layout, guest);
        GuestLayoutRules.Check(mode, layout, (ulong)guest.Code.Length, tables);
        Parts = [new("code", LoadAddress, Code), .. tables];
        InitialRegisters = GuestStart.CreateRegisters(mode, layout, entryPoint);
        InitialSpecialRegisters = GuestStart.CreateSpecialRegisters(mode, layout);
    }

    /// <summary>The mode the program starts in.</summary>
    public GuestMode Mode { get; }

    /// <summary>The machine code.</summary>
    public ReadOnlyMemory<byte> Code { get; }

    /// <summary>Guest physical address of the code's first byte.</summary>
    public ulong LoadAddress { get; }

    /// <summary>Linear address of the first instruction to execute.</summary>
    public ulong EntryPoint { get; }

    /// <summary>Linear addresses of what <see cref="GuestMarks"/> named.</summary>
    public IReadOnlyDictionary<string, ulong> Symbols { get; }

    /// <summary>All that must lie in guest memory: the code first, then the tables of the mode.</summary>
    public IReadOnlyList<GuestImagePart> Parts { get; }

    /// <summary>General registers at the start; arguments of the program can be added by a <c>with</c> expression.</summary>
    public X64Registers InitialRegisters { get; }

    /// <summary>Special registers at the start, but for the APIC base, which stays as the vCPU has it.</summary>
    public X64SpecialRegisters InitialSpecialRegisters { get; }

    /// <summary>The vector of a start-up IPI that lets an application processor execute the program.</summary>
    /// <exception cref="InvalidOperationException">The program is not real-mode code entered at the start of a page.</exception>
    public byte SipiVector =>
        Mode == GuestMode.Real && LoadAddress % SipiPageSize == 0 && EntryPoint == LoadAddress
            ? (byte)(LoadAddress / SipiPageSize)
            : throw new InvalidOperationException("A start-up IPI enters real-mode code at the first byte of a page of 4 KiB.");

    /// <summary>A program of 16-bit code for real mode.</summary>
    /// <remarks>
    /// It starts with CS = 0 and IP = its address; from 64 KiB on with CS = its address / 16 and IP = 0. SS is 0, the other segments are
    /// like CS.
    /// </remarks>
    /// <param name="body">Writes the instructions.</param>
    /// <param name="layout">Where the parts lie, or null for <see cref="GuestLayout.Default"/>.</param>
    public static GuestProgram RealMode(Action<Assembler> body, GuestLayout? layout = null) =>
        Assemble(GuestMode.Real, WithoutMarks(body), layout);

    /// <summary>A program of 16-bit code for real mode, with handlers or symbols.</summary>
    /// <inheritdoc cref="RealMode(Action{Assembler}, GuestLayout?)"/>
    public static GuestProgram RealMode(Action<Assembler, GuestMarks> body, GuestLayout? layout = null) =>
        Assemble(GuestMode.Real, body, layout);

    /// <summary>A program of 32-bit code for protected mode.</summary>
    /// <param name="body">Writes the instructions.</param>
    /// <param name="layout">Where the parts lie, or null for <see cref="GuestLayout.Default"/>.</param>
    public static GuestProgram ProtectedMode(Action<Assembler> body, GuestLayout? layout = null) =>
        Assemble(GuestMode.Protected, WithoutMarks(body), layout);

    /// <summary>A program of 32-bit code for protected mode, with handlers or symbols.</summary>
    /// <inheritdoc cref="ProtectedMode(Action{Assembler}, GuestLayout?)"/>
    public static GuestProgram ProtectedMode(Action<Assembler, GuestMarks> body, GuestLayout? layout = null) =>
        Assemble(GuestMode.Protected, body, layout);

    /// <summary>A program of 64-bit code for long mode.</summary>
    /// <param name="body">Writes the instructions.</param>
    /// <param name="layout">Where the parts lie, or null for <see cref="GuestLayout.Default"/>.</param>
    public static GuestProgram LongMode(Action<Assembler> body, GuestLayout? layout = null) =>
        Assemble(GuestMode.Long, WithoutMarks(body), layout);

    /// <summary>A program of 64-bit code for long mode, with handlers or symbols.</summary>
    /// <inheritdoc cref="LongMode(Action{Assembler}, GuestLayout?)"/>
    public static GuestProgram LongMode(Action<Assembler, GuestMarks> body, GuestLayout? layout = null) =>
        Assemble(GuestMode.Long, body, layout);

    /// <summary>A program that was made elsewhere, as a flat image.</summary>
    /// <param name="image">The image, which goes to <see cref="GuestLayout.CodeAddress"/>; it is not copied.</param>
    /// <param name="mode">The mode to start in.</param>
    /// <param name="layout">Where the parts lie, or null for <see cref="GuestLayout.Default"/>.</param>
    /// <param name="entryPoint">Linear address of the first instruction, or null for the image's first byte.</param>
    public static GuestProgram Flat(ReadOnlyMemory<byte> image, GuestMode mode, GuestLayout? layout = null, ulong? entryPoint = null)
    {
        layout ??= GuestLayout.Default;
        ulong entry = entryPoint ?? layout.CodeAddress;
        if (!Enum.IsDefined(mode))
        {
            throw new ArgumentOutOfRangeException(nameof(mode), mode, "There is no such mode.");
        }

        if (image.IsEmpty)
        {
            throw new ArgumentException("An image has at least one byte.", nameof(image));
        }

        if (entry < layout.CodeAddress || entry - layout.CodeAddress >= (ulong)image.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(entryPoint), $"0x{entry:X} lies outside the image at 0x{layout.CodeAddress:X}.");
        }

        return new(mode, layout, AssembledGuest.FromImage(image), entry);
    }

    /// <summary>Writes the code and the tables; stacks are left as they are.</summary>
    /// <param name="memory">The guest's memory.</param>
    public void LoadInto(GuestMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        foreach (GuestImagePart part in Parts)
        {
            memory.Write(part.Address, part.Bytes.Span);
        }
    }

    /// <summary>Sets all general and special registers, so that the vCPU's next run executes the program.</summary>
    /// <param name="vcpu">The vCPU.</param>
    public void Start(Vcpu vcpu)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        vcpu.X64.SetSpecialRegisters(InitialSpecialRegisters with { ApicBase = vcpu.X64.GetSpecialRegisters().ApicBase });
        vcpu.X64.SetRegisters(InitialRegisters);
    }

    /// <summary>The code as text, an instruction per line with its address and bytes; for the message of a failing test.</summary>
    public string Disassemble() => GuestListing.Create(this);

    private static GuestProgram Assemble(GuestMode mode, Action<Assembler, GuestMarks> body, GuestLayout? layout)
    {
        ArgumentNullException.ThrowIfNull(body);
        layout ??= GuestLayout.Default;
        return new(mode, layout, AssembledGuest.Assemble(mode, layout, body), layout.CodeAddress);
    }

    private static Action<Assembler, GuestMarks> WithoutMarks(Action<Assembler> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        return (assembler, _) => body(assembler);
    }
}
