using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>The one table from an instruction to what executes it. Groups add themselves in their own files: <c>HandlerTable.*.cs</c>.</summary>
/// <typeparam name="TMachine">The machine.</typeparam>
internal sealed partial class HandlerTable<TMachine>
    where TMachine : IX64Machine, allows ref struct
{
    private static readonly Handler<TMachine> s_unsupported = static (Core c, ref TMachine _, in Op _) => c.Unsupported();

    private readonly Handler<TMachine>[] _handlers = new Handler<TMachine>[InstructionSet.CodeCount * 2];
    private readonly ILookup<Mnemonic, Code> _codes = Enum.GetValues<Code>().ToLookup(static code => code.Mnemonic());

    private HandlerTable()
    {
        Array.Fill(_handlers, s_unsupported);

        // Sixteen bytes and more raise another exception than what is no instruction.
        Set(Code.INVALID, static (Core c, ref TMachine _, in Op op) => op.Length >= FetchReader.MaxInstruction ? c.GeneralProtection() : c.Undefined());
        AddArithmetic();
        AddUnaryAndShifts();
        AddMoves();
        AddBits();
        AddStackAndStrings();
        AddSystem();
        AddVector();
    }

    internal static Handler<TMachine>[] Create() => new HandlerTable<TMachine>()._handlers;

    /// <summary>Instructions that have a handler.</summary>
    internal static IReadOnlyCollection<Code> SupportedCodes()
    {
        var table = new HandlerTable<TMachine>();
        return [.. Enum.GetValues<Code>().Where(code => table._handlers[(int)code] != s_unsupported)];
    }

    /// <summary>Sets what executes all forms of a mnemonic.</summary>
    private void Set(Mnemonic mnemonic, Handler<TMachine> handler) => Set(mnemonic, handler, handler);

    /// <summary>Sets what executes the forms of a mnemonic without and with a memory operand.</summary>
    private void Set(Mnemonic mnemonic, Handler<TMachine> handler, Handler<TMachine> memoryHandler)
    {
        foreach (Code code in _codes[mnemonic])
        {
            Set(code, handler, memoryHandler);
        }
    }

    private void Set(Code code, Handler<TMachine> handler) => Set(code, handler, handler);

    private void Set(Code code, Handler<TMachine> handler, Handler<TMachine> memoryHandler)
    {
        _handlers[(int)code] = handler;
        _handlers[(int)code + InstructionSet.CodeCount] = memoryHandler;
    }

    /// <summary>Sets a handler of many parts: where it fails, all registers are taken back, and its accesses of RAM are done once.</summary>
    private void SetLong(Mnemonic mnemonic, Handler<TMachine> handler) => Set(mnemonic, Whole(handler));

    private void SetLong(Code code, Handler<TMachine> handler) => Set(code, Whole(handler));

    private static Handler<TMachine> Whole(Handler<TMachine> handler) => (Core c, ref TMachine m, in Op op) =>
    {
        c.Begin();
        if (handler(c, ref m, in op))
        {
            c.Attention = true;
            return true;
        }

        // A trap comes after the instruction, whose work stays.
        if (c.Outcome != Outcome.Fault || !c.Exception.IsTrap)
        {
            c.Undo();
        }

        return false;
    };
}
