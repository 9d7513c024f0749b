namespace HvSdk.Emulation;

/// <summary>x87, SSE, AVX and XSAVE: their groups are added here.</summary>
internal sealed partial class HandlerTable<TMachine>
{
    private void AddVector() => Set(Iced.Intel.Mnemonic.Fnop, Interpreter<TMachine>.Nop);
}
