using HvSdk.Testing;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Tests.Testing;

public sealed class AssemblerCharactersTests
{
    [Fact]
    public void MovAndCmp_AsciiCharacter_TakeItsByte()
    {
        GuestProgram program = GuestProgram.RealMode(static a =>
        {
            a.mov(bl, 'H');
            a.cmp(bl, '~');
        });
        Assert.Equal([0xB3, 0x48, 0x80, 0xFB, 0x7E], program.Code.ToArray());
    }

    [Fact]
    public void Mov_OtherCharacter_IsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => GuestProgram.RealMode(static a => a.mov(al, 'é')));
}
